-- The role and the database of the gateway. By a superuser, or by a role with CREATEROLE and CREATEDB:
--   psql --dbname=postgres --file=deploy/postgresql/gateway.sql --command='\password gateway'
-- -v name=OTHER: another name for both.
\set ON_ERROR_STOP on
\if :{?name} \else \set name gateway \endif
CREATE ROLE :"name" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
GRANT :"name" TO CURRENT_USER; -- who is no superuser may give a database to roles of its own alone
CREATE DATABASE :"name" OWNER :"name" TEMPLATE template0 ENCODING 'UTF8';
-- Nobody else connects. The gateway makes its tables itself, and needs no other right.
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
REVOKE :"name" FROM CURRENT_USER;
