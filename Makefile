# Aliases; ./marquee is the real thing and needs no make.
.PHONY: help run up down status logs reset demo test check lock

help:
	@./marquee help

run up:
	@./marquee up

down status logs reset demo test check lock:
	@./marquee $@
