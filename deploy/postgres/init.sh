#!/bin/sh
# A role and a database for each service, made when the cluster is. A role can connect to its own
# database and to no other. Passwords are read by psql from the environment: as arguments they would
# stand in the list of processes.
set -eu

for service in users catalog interactions recommender analytics; do
    variable="$(echo "$service" | tr '[:lower:]' '[:upper:]')_DATABASE_PASSWORD"
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" \
        --dbname postgres --set name="marquee_$service" --set variable="$variable" <<'SQL'
\set password
\getenv password :variable
select :'password' = '' as missing \gset
\if :missing
    \warn :variable is not set
    select 1 / 0 as a_password_is_missing;
\endif
create role :"name" login password :'password';
create database :"name" owner :"name";
revoke all on database :"name" from public;
\connect :"name"
create extension if not exists pg_trgm;
create extension if not exists btree_gist;
SQL
done

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" \
    --dbname postgres <<'SQL'
revoke connect on database postgres from public;
revoke connect on database template1 from public;
SQL
