"""Audit log: lines about somebody are found without reading all."""

from alembic import op

from chassis.migrations import drop_index, renew_index

revision = "users_0007"
down_revision = "users_0006"
branch_labels = None
depends_on = None

_NAME = "audit_log_subject_idx"


def upgrade() -> None:
    renew_index(op.get_context(), _NAME, "audit_log", ["subject", "audit_entry_id"])


def downgrade() -> None:
    drop_index(op.get_context(), _NAME, "audit_log")
