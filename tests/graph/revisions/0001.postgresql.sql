SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE TABLE entities (
    id integer NOT NULL,
    kind smallint NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE images (
    product integer NOT NULL,
    "position" integer NOT NULL,
    source text NOT NULL,
    path text,
    size bigint,
    mtime_ns bigint,
    content_hash character varying(64),
    width integer,
    height integer,
    error text,
    run integer NOT NULL
);
CREATE TABLE ingest_runs (
    id integer NOT NULL,
    source integer NOT NULL,
    format text NOT NULL,
    content_hash character varying(64) NOT NULL,
    mapping_hash character varying(64),
    images_folder text,
    started_at character varying(32) NOT NULL,
    finished_at character varying(32),
    products_read integer NOT NULL,
    products_added integer NOT NULL,
    products_updated integer NOT NULL,
    products_unchanged integer NOT NULL,
    products_removed integer NOT NULL,
    rows_repeated integer NOT NULL,
    rows_quarantined integer NOT NULL,
    triples_added integer NOT NULL,
    triples_removed integer NOT NULL,
    images_found integer NOT NULL,
    images_failed integer NOT NULL,
    images_not_local integer NOT NULL
);
CREATE SEQUENCE ingest_runs_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE ingest_runs_id_seq OWNED BY ingest_runs.id;
CREATE TABLE k3m_kg_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE products (
    entity integer NOT NULL,
    title text,
    category text,
    record_hash character varying(64) NOT NULL,
    source integer NOT NULL,
    run integer NOT NULL
);
CREATE TABLE properties (
    id integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE sources (
    id integer NOT NULL,
    name text NOT NULL
);
CREATE SEQUENCE sources_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sources_id_seq OWNED BY sources.id;
CREATE TABLE triples (
    head integer NOT NULL,
    property integer NOT NULL,
    tail integer NOT NULL,
    "position" integer NOT NULL,
    run integer NOT NULL
);
ALTER TABLE ONLY ingest_runs ALTER COLUMN id SET DEFAULT nextval('ingest_runs_id_seq'::regclass);
ALTER TABLE ONLY sources ALTER COLUMN id SET DEFAULT nextval('sources_id_seq'::regclass);
INSERT INTO entities VALUES (0, 0, 'p1');
INSERT INTO entities VALUES (1, 0, 'p2');
INSERT INTO entities VALUES (2, 0, 'gone');
INSERT INTO entities VALUES (3, 1, 'red');
INSERT INTO entities VALUES (4, 1, 'wool');
INSERT INTO entities VALUES (5, 1, 'blue');
INSERT INTO entities VALUES (6, 1, 'grey');
INSERT INTO entities VALUES (7, 1, 'dark red');
INSERT INTO entities VALUES (8, 0, 'p3');
INSERT INTO entities VALUES (9, 1, '42');
INSERT INTO images VALUES (0, 0, '1.jpg', '/pictures/1.jpg', 10, 20, 'cdc8de98a355af567159f5ce5015e39188f74340a0aa01ca3ef8402d3d717430', 30, 40, NULL, 2);
INSERT INTO images VALUES (0, 1, '2.jpg', NULL, NULL, NULL, NULL, NULL, NULL, 'no such file', 2);
INSERT INTO ingest_runs VALUES (1, 1, 'k3m-tsv', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', NULL, NULL, '2026-11-25T02:24:45+00:00', '2026-11-25T02:24:45+00:00', 3, 3, 0, 0, 0, 0, 0, 4, 0, 1, 1, 0);
INSERT INTO ingest_runs VALUES (2, 1, 'k3m-tsv', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', NULL, NULL, '2026-11-25T02:24:45+00:00', '2026-11-25T02:24:45+00:00', 2, 0, 1, 1, 1, 0, 0, 1, 2, 1, 1, 0);
INSERT INTO ingest_runs VALUES (3, 2, 'k3m-tsv', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', NULL, NULL, '2026-11-25T02:24:45+00:00', '2026-11-25T02:24:45+00:00', 1, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0);
INSERT INTO k3m_kg_version VALUES ('0001');
INSERT INTO products VALUES (1, NULL, NULL, 'cb58bec8683b5eb4c1e498c0232ab7cc76fb400e5ef02339fd58154ace34b0d2', 1, 1);
INSERT INTO products VALUES (0, '红色外套', 'coats', 'f942ce66d4c3b1632eb85175c674001a1a5fa04f37749c5b4dad8c10d6ab6063', 1, 2);
INSERT INTO products VALUES (8, 'a \ tab	and ''quote''', 'mugs', 'f3c08e0d7bdf4d8c5687b48e958c65189edfcd4438f58f4ef7969e3f977f628a', 2, 3);
INSERT INTO properties VALUES (0, 'colour');
INSERT INTO properties VALUES (1, 'material');
INSERT INTO properties VALUES (2, 'size');
INSERT INTO sources VALUES (1, '/data/a.tsv');
INSERT INTO sources VALUES (2, '/data/b.tsv');
INSERT INTO triples VALUES (1, 0, 5, 0, 1);
INSERT INTO triples VALUES (0, 0, 7, 0, 2);
INSERT INTO triples VALUES (0, 1, 4, 1, 1);
INSERT INTO triples VALUES (8, 0, 5, 0, 3);
INSERT INTO triples VALUES (8, 2, 9, 1, 3);
SELECT pg_catalog.setval('ingest_runs_id_seq', 3, true);
SELECT pg_catalog.setval('sources_id_seq', 2, true);
ALTER TABLE ONLY k3m_kg_version
    ADD CONSTRAINT k3m_kg_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY entities
    ADD CONSTRAINT pk_entities PRIMARY KEY (id);
ALTER TABLE ONLY images
    ADD CONSTRAINT pk_images PRIMARY KEY (product, "position");
ALTER TABLE ONLY ingest_runs
    ADD CONSTRAINT pk_ingest_runs PRIMARY KEY (id);
ALTER TABLE ONLY products
    ADD CONSTRAINT pk_products PRIMARY KEY (entity);
ALTER TABLE ONLY properties
    ADD CONSTRAINT pk_properties PRIMARY KEY (id);
ALTER TABLE ONLY sources
    ADD CONSTRAINT pk_sources PRIMARY KEY (id);
ALTER TABLE ONLY triples
    ADD CONSTRAINT pk_triples PRIMARY KEY (head, property, tail);
ALTER TABLE ONLY properties
    ADD CONSTRAINT uq_properties_name UNIQUE (name);
ALTER TABLE ONLY sources
    ADD CONSTRAINT uq_sources_name UNIQUE (name);
CREATE INDEX ix_ingest_runs_source ON ingest_runs USING btree (source);
CREATE INDEX ix_products_source ON products USING btree (source);
CREATE INDEX ix_triples_tail_property ON triples USING btree (tail, property);
CREATE UNIQUE INDEX uq_entities_kind_text ON entities USING btree (kind, md5(text));
ALTER TABLE ONLY images
    ADD CONSTRAINT fk_images_product FOREIGN KEY (product) REFERENCES entities(id);
ALTER TABLE ONLY images
    ADD CONSTRAINT fk_images_run FOREIGN KEY (run) REFERENCES ingest_runs(id);
ALTER TABLE ONLY ingest_runs
    ADD CONSTRAINT fk_ingest_runs_source FOREIGN KEY (source) REFERENCES sources(id);
ALTER TABLE ONLY products
    ADD CONSTRAINT fk_products_entity FOREIGN KEY (entity) REFERENCES entities(id);
ALTER TABLE ONLY products
    ADD CONSTRAINT fk_products_run FOREIGN KEY (run) REFERENCES ingest_runs(id);
ALTER TABLE ONLY products
    ADD CONSTRAINT fk_products_source FOREIGN KEY (source) REFERENCES sources(id);
ALTER TABLE ONLY triples
    ADD CONSTRAINT fk_triples_head FOREIGN KEY (head) REFERENCES entities(id);
ALTER TABLE ONLY triples
    ADD CONSTRAINT fk_triples_property FOREIGN KEY (property) REFERENCES properties(id);
ALTER TABLE ONLY triples
    ADD CONSTRAINT fk_triples_run FOREIGN KEY (run) REFERENCES ingest_runs(id);
ALTER TABLE ONLY triples
    ADD CONSTRAINT fk_triples_tail FOREIGN KEY (tail) REFERENCES entities(id);
