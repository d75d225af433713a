SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE TABLE decisions (
    run integer NOT NULL,
    item integer NOT NULL,
    reviewer integer NOT NULL,
    answer text NOT NULL,
    value integer,
    drawn smallint NOT NULL,
    blind smallint NOT NULL
);
COMMENT ON COLUMN decisions.reviewer IS 'a source';
COMMENT ON COLUMN decisions.answer IS 'accept, reject, correct, skip';
COMMENT ON COLUMN decisions.value IS 'the right value of a correction';
COMMENT ON COLUMN decisions.drawn IS '1: the item came by lot';
COMMENT ON COLUMN decisions.blind IS '1: no probability was shown';
CREATE TABLE entities (
    id integer NOT NULL,
    kind smallint NOT NULL,
    text text NOT NULL COLLATE pg_catalog."C"
);
COMMENT ON COLUMN entities.kind IS 'EntityKind';
COMMENT ON COLUMN entities.text IS 'the product''s id or the value';
CREATE TABLE entity_words (
    entity integer NOT NULL,
    words tsvector NOT NULL
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
COMMENT ON COLUMN images.source IS 'path or URL as written';
COMMENT ON COLUMN images.path IS 'the local file; NULL where there is none';
COMMENT ON COLUMN images.size IS 'bytes of the file when it was checked';
COMMENT ON COLUMN images.mtime_ns IS 'modification time of the file when it was checked';
COMMENT ON COLUMN images.content_hash IS 'SHA-256 of the file; NULL where it is not usable';
COMMENT ON COLUMN images.error IS 'why there is no usable picture';
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
    images_not_local integer NOT NULL,
    kind text DEFAULT 'ingest'::text NOT NULL,
    undone_at character varying(32),
    values_read integer DEFAULT 0 NOT NULL,
    products_left integer DEFAULT 0 NOT NULL,
    products_kept integer DEFAULT 0 NOT NULL
);
COMMENT ON COLUMN ingest_runs.format IS 'the reader''s name';
COMMENT ON COLUMN ingest_runs.content_hash IS 'SHA-256 of the source';
COMMENT ON COLUMN ingest_runs.mapping_hash IS 'SHA-256 of the mapping file';
COMMENT ON COLUMN ingest_runs.images_folder IS 'the folder given with --images';
COMMENT ON COLUMN ingest_runs.started_at IS 'ISO 8601, UTC';
COMMENT ON COLUMN ingest_runs.finished_at IS 'ISO 8601, UTC';
COMMENT ON COLUMN ingest_runs.kind IS 'RunKind';
COMMENT ON COLUMN ingest_runs.undone_at IS 'ISO 8601, UTC; NULL while it holds';
CREATE SEQUENCE ingest_runs_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE ingest_runs_id_seq OWNED BY ingest_runs.id;
CREATE TABLE journal (
    run integer NOT NULL,
    entity integer NOT NULL,
    change smallint NOT NULL,
    kind smallint NOT NULL,
    title text,
    category text,
    record_hash character varying(64) NOT NULL,
    source integer NOT NULL,
    before_run integer NOT NULL,
    content text
);
COMMENT ON COLUMN journal.run IS 'that changed it';
COMMENT ON COLUMN journal.change IS 'Change';
COMMENT ON COLUMN journal.kind IS 'as in subjects, before the run';
COMMENT ON COLUMN journal.before_run IS 'subjects.run before';
COMMENT ON COLUMN journal.content IS 'JSON: triples and images before; NULL where they stayed';
CREATE TABLE judgements (
    run integer NOT NULL,
    head integer NOT NULL,
    property integer NOT NULL,
    tail integer NOT NULL,
    says smallint NOT NULL
);
COMMENT ON COLUMN judgements.says IS 'Judgement';
CREATE TABLE k3m_kg_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE properties (
    id integer NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE proposals (
    run integer NOT NULL,
    head integer NOT NULL,
    property integer NOT NULL,
    tail integer NOT NULL,
    probability double precision NOT NULL
);
COMMENT ON COLUMN proposals.probability IS '0 to 1, by the model that proposed it';
CREATE TABLE retitled (
    entity integer NOT NULL
);
CREATE TABLE review_items (
    id integer NOT NULL,
    kind text NOT NULL,
    head integer NOT NULL,
    property integer NOT NULL,
    tail integer NOT NULL,
    stated integer,
    probability double precision NOT NULL,
    uncertainty double precision NOT NULL,
    worth double precision NOT NULL,
    promised double precision,
    lot integer NOT NULL,
    model integer NOT NULL,
    details text NOT NULL,
    state smallint NOT NULL,
    held_by integer,
    held_until double precision,
    drawn smallint NOT NULL
);
COMMENT ON COLUMN review_items.kind IS 'ItemKind';
COMMENT ON COLUMN review_items.tail IS 'the value that is proposed';
COMMENT ON COLUMN review_items.stated IS 'of a finding: the value that is doubted';
COMMENT ON COLUMN review_items.probability IS 'that it is so, 0 to 1';
COMMENT ON COLUMN review_items.uncertainty IS '0 sure, 1/2 undecided';
COMMENT ON COLUMN review_items.worth IS 'what an answer is worth';
COMMENT ON COLUMN review_items.promised IS 'the precision that its threshold promises';
COMMENT ON COLUMN review_items.lot IS 'place in the random stream';
COMMENT ON COLUMN review_items.model IS 'the source that proposes';
COMMENT ON COLUMN review_items.details IS 'JSON: evidence, alternatives';
COMMENT ON COLUMN review_items.state IS 'ItemState';
COMMENT ON COLUMN review_items.held_by IS 'the reviewer who has it before him';
COMMENT ON COLUMN review_items.held_until IS 'seconds since 1970; then it is free again';
COMMENT ON COLUMN review_items.drawn IS '1: came by lot';
CREATE SEQUENCE review_items_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE review_items_id_seq OWNED BY review_items.id;
CREATE TABLE sources (
    id integer NOT NULL,
    name text NOT NULL,
    place integer DEFAULT 0 NOT NULL
);
COMMENT ON COLUMN sources.name IS 'absolute path';
COMMENT ON COLUMN sources.place IS 'in the order of sources';
CREATE SEQUENCE sources_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE sources_id_seq OWNED BY sources.id;
CREATE TABLE statements (
    entity integer NOT NULL,
    kind smallint NOT NULL,
    title text,
    category text,
    record_hash character varying(64) NOT NULL,
    source integer NOT NULL,
    run integer NOT NULL,
    content text NOT NULL
);
COMMENT ON COLUMN statements.kind IS 'EntityKind, as in entities';
COMMENT ON COLUMN statements.record_hash IS 'content_hash() of the record';
COMMENT ON COLUMN statements.run IS 'the ingest run that gave it this content';
COMMENT ON COLUMN statements.content IS 'JSON: triples and images';
CREATE TABLE subjects (
    entity integer NOT NULL,
    kind smallint NOT NULL,
    title text,
    category text,
    record_hash character varying(64) NOT NULL,
    source integer NOT NULL,
    run integer NOT NULL
);
COMMENT ON COLUMN subjects.kind IS 'EntityKind, as in entities';
COMMENT ON COLUMN subjects.record_hash IS 'content_hash() of the record';
COMMENT ON COLUMN subjects.source IS 'states it; 0: several do';
COMMENT ON COLUMN subjects.run IS 'the ingest run that gave it this content';
CREATE TABLE title_words (
    entity integer NOT NULL,
    words tsvector NOT NULL
);
CREATE TABLE triples (
    head integer NOT NULL,
    property integer NOT NULL,
    tail integer NOT NULL,
    "position" integer NOT NULL,
    run integer NOT NULL
);
COMMENT ON COLUMN triples."position" IS 'order within the head';
COMMENT ON COLUMN triples.run IS 'the run that added it';
CREATE TABLE words_state (
    below integer NOT NULL
);
COMMENT ON COLUMN words_state.below IS 'have their words';
ALTER TABLE ONLY ingest_runs ALTER COLUMN id SET DEFAULT nextval('ingest_runs_id_seq'::regclass);
ALTER TABLE ONLY review_items ALTER COLUMN id SET DEFAULT nextval('review_items_id_seq'::regclass);
ALTER TABLE ONLY sources ALTER COLUMN id SET DEFAULT nextval('sources_id_seq'::regclass);
INSERT INTO entities VALUES (0, 0, 'p1');
INSERT INTO entities VALUES (1, 0, 'p2');
INSERT INTO entities VALUES (2, 0, 'p3');
INSERT INTO entities VALUES (3, 1, 'red');
INSERT INTO entities VALUES (4, 1, 'wool');
INSERT INTO entities VALUES (5, 1, 'blue');
INSERT INTO entities VALUES (6, 1, 'green');
INSERT INTO entities VALUES (7, 1, '42');
INSERT INTO entities VALUES (8, 1, 'dark red');
INSERT INTO entities VALUES (9, 1, '40');
INSERT INTO entities VALUES (10, 1, '43');
INSERT INTO entities VALUES (11, 1, '44');
INSERT INTO entity_words VALUES (0, '''p1'':1');
INSERT INTO entity_words VALUES (1, '''p2'':1');
INSERT INTO entity_words VALUES (2, '''p3'':1');
INSERT INTO entity_words VALUES (3, '''red'':1');
INSERT INTO entity_words VALUES (4, '''wool'':1');
INSERT INTO entity_words VALUES (5, '''blue'':1');
INSERT INTO entity_words VALUES (6, '''green'':1');
INSERT INTO entity_words VALUES (7, '''42'':1');
INSERT INTO entity_words VALUES (8, '''dark'':1 ''red'':2');
INSERT INTO entity_words VALUES (9, '''40'':1');
INSERT INTO entity_words VALUES (10, '''43'':1');
INSERT INTO entity_words VALUES (11, '''44'':1');
INSERT INTO images VALUES (0, 0, '1.jpg', '/pictures/1.jpg', 10, 20, 'cdc8de98a355af567159f5ce5015e39188f74340a0aa01ca3ef8402d3d717430', 30, 40, NULL, 3);
INSERT INTO images VALUES (0, 1, '2.jpg', NULL, NULL, NULL, NULL, NULL, NULL, 'no such file', 3);
INSERT INTO ingest_runs VALUES (1, 1, 'k3m-tsv', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', NULL, NULL, '2026-11-26T21:27:53.787264+00:00', '2026-11-26T21:27:54.333451+00:00', 3, 3, 0, 0, 0, 0, 0, 4, 0, 1, 1, 0, 'ingest', NULL, 0, 0, 0);
INSERT INTO ingest_runs VALUES (2, 2, 'k3m-tsv', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', NULL, NULL, '2026-11-26T21:27:54.363623+00:00', '2026-11-26T21:27:54.459315+00:00', 2, 0, 1, 1, 0, 0, 0, 2, 1, 0, 0, 0, 'ingest', NULL, 0, 0, 0);
INSERT INTO ingest_runs VALUES (3, 1, 'k3m-tsv', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', NULL, NULL, '2026-11-26T21:27:54.472210+00:00', '2026-11-26T21:27:54.551268+00:00', 2, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, 0, 'ingest', NULL, 0, 0, 0);
INSERT INTO ingest_runs VALUES (5, 3, 'proposal', 'fe6358b7c27fa783356110625761f18fbee5ebc1335be77149bd3945fce2da49', NULL, NULL, '2026-11-26T21:27:54.659940+00:00', '2026-11-26T21:27:54.684085+00:00', 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 'proposal', NULL, 0, 0, 0);
INSERT INTO ingest_runs VALUES (4, 3, 'proposal', 'f0bd91d811d03ea38b45eb771250f9568cb57eb097c7e21d656a73a1a84f3182', NULL, NULL, '2026-11-26T21:27:54.583189+00:00', '2026-11-26T21:27:54.640876+00:00', 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 'proposal', '2026-11-26T21:27:54.741219+00:00', 0, 0, 0);
INSERT INTO journal VALUES (2, 2, 0, 0, 'of another', 'mugs', '018288dd577ce006c4d30b0ab4d7f345f753df7a086745ad597c565d3fc0e61f', 1, 1, '[[[0, 6, 0, 1]], []]');
INSERT INTO journal VALUES (2, 1, 2, 0, NULL, NULL, 'cb58bec8683b5eb4c1e498c0232ab7cc76fb400e5ef02339fd58154ace34b0d2', 1, 1, NULL);
INSERT INTO journal VALUES (3, 0, 0, 0, '红色外套', 'coats', '00ddbf6aabe0b6f2afb5529fa22f1f521bb2cc3d64c595dea495491e98139df4', 1, 1, '[[[0, 3, 0, 1], [1, 4, 1, 1]], [[0, "1.jpg", "/pictures/1.jpg", 10, 20, "cdc8de98a355af567159f5ce5015e39188f74340a0aa01ca3ef8402d3d717430", 30, 40, null, 1], [1, "2.jpg", null, null, null, null, null, null, "no such file", 1]]]');
INSERT INTO journal VALUES (3, 1, 2, 0, NULL, NULL, 'cb58bec8683b5eb4c1e498c0232ab7cc76fb400e5ef02339fd58154ace34b0d2', 2, 1, NULL);
INSERT INTO k3m_kg_version VALUES ('0006');
INSERT INTO properties VALUES (0, 'colour');
INSERT INTO properties VALUES (1, 'material');
INSERT INTO properties VALUES (2, 'size');
INSERT INTO proposals VALUES (4, 0, 2, 9, 0.9);
INSERT INTO proposals VALUES (5, 1, 2, 10, 0.9);
INSERT INTO review_items VALUES (1, 'proposal', 0, 2, 11, NULL, 0.7, 0.30000000000000004, 0.21000000000000002, NULL, 212790561, 3, '{}', 0, NULL, NULL, 0);
INSERT INTO sources VALUES (1, '/data/a.tsv', 1);
INSERT INTO sources VALUES (2, '/data/b.tsv', 2);
INSERT INTO sources VALUES (3, 'proposal:model', 3);
INSERT INTO subjects VALUES (2, 0, 'a \ tab	and ''quote''', 'mugs', 'f3c08e0d7bdf4d8c5687b48e958c65189edfcd4438f58f4ef7969e3f977f628a', 2, 2);
INSERT INTO subjects VALUES (0, 0, '红色外套', 'coats', 'f942ce66d4c3b1632eb85175c674001a1a5fa04f37749c5b4dad8c10d6ab6063', 1, 3);
INSERT INTO subjects VALUES (1, 0, NULL, NULL, 'cb58bec8683b5eb4c1e498c0232ab7cc76fb400e5ef02339fd58154ace34b0d2', 1, 1);
INSERT INTO title_words VALUES (0, '''外'':3 ''套'':4 ''红'':1 ''色'':2');
INSERT INTO title_words VALUES (2, '''a'':1 ''and'':3 ''quote'':4 ''tab'':2');
INSERT INTO triples VALUES (1, 0, 5, 0, 1);
INSERT INTO triples VALUES (2, 0, 5, 0, 2);
INSERT INTO triples VALUES (2, 2, 7, 1, 2);
INSERT INTO triples VALUES (0, 0, 8, 0, 3);
INSERT INTO triples VALUES (0, 1, 4, 1, 1);
INSERT INTO triples VALUES (1, 2, 10, 1, 5);
INSERT INTO words_state VALUES (12);
SELECT pg_catalog.setval('ingest_runs_id_seq', 5, true);
SELECT pg_catalog.setval('review_items_id_seq', 1, true);
SELECT pg_catalog.setval('sources_id_seq', 3, true);
ALTER TABLE ONLY k3m_kg_version
    ADD CONSTRAINT k3m_kg_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY decisions
    ADD CONSTRAINT pk_decisions PRIMARY KEY (run, item);
ALTER TABLE ONLY entities
    ADD CONSTRAINT pk_entities PRIMARY KEY (id);
ALTER TABLE ONLY entity_words
    ADD CONSTRAINT pk_entity_words PRIMARY KEY (entity);
ALTER TABLE ONLY images
    ADD CONSTRAINT pk_images PRIMARY KEY (product, "position");
ALTER TABLE ONLY ingest_runs
    ADD CONSTRAINT pk_ingest_runs PRIMARY KEY (id);
ALTER TABLE ONLY journal
    ADD CONSTRAINT pk_journal PRIMARY KEY (run, entity);
ALTER TABLE ONLY judgements
    ADD CONSTRAINT pk_judgements PRIMARY KEY (run, head, property, tail);
ALTER TABLE ONLY properties
    ADD CONSTRAINT pk_properties PRIMARY KEY (id);
ALTER TABLE ONLY proposals
    ADD CONSTRAINT pk_proposals PRIMARY KEY (run, head, property, tail);
ALTER TABLE ONLY retitled
    ADD CONSTRAINT pk_retitled PRIMARY KEY (entity);
ALTER TABLE ONLY review_items
    ADD CONSTRAINT pk_review_items PRIMARY KEY (id);
ALTER TABLE ONLY sources
    ADD CONSTRAINT pk_sources PRIMARY KEY (id);
ALTER TABLE ONLY statements
    ADD CONSTRAINT pk_statements PRIMARY KEY (entity, source);
ALTER TABLE ONLY subjects
    ADD CONSTRAINT pk_subjects PRIMARY KEY (entity);
ALTER TABLE ONLY title_words
    ADD CONSTRAINT pk_title_words PRIMARY KEY (entity);
ALTER TABLE ONLY triples
    ADD CONSTRAINT pk_triples PRIMARY KEY (head, property, tail);
ALTER TABLE ONLY words_state
    ADD CONSTRAINT pk_words_state PRIMARY KEY (below);
ALTER TABLE ONLY properties
    ADD CONSTRAINT uq_properties_name UNIQUE (name);
ALTER TABLE ONLY sources
    ADD CONSTRAINT uq_sources_name UNIQUE (name);
CREATE INDEX ix_decisions_item ON decisions USING btree (item);
CREATE INDEX ix_decisions_reviewer ON decisions USING btree (reviewer, run);
CREATE INDEX ix_entity_words_words ON entity_words USING gin (words);
CREATE INDEX ix_ingest_runs_source ON ingest_runs USING btree (source);
CREATE INDEX ix_ingest_runs_undone ON ingest_runs USING btree (undone_at) WHERE (undone_at IS NOT NULL);
CREATE INDEX ix_journal_entity ON journal USING btree (entity);
CREATE INDEX ix_judgements_head ON judgements USING btree (head);
CREATE INDEX ix_proposals_head ON proposals USING btree (head);
CREATE INDEX ix_review_items_equal ON review_items USING btree (property, tail, state);
CREATE INDEX ix_review_items_head ON review_items USING btree (head);
CREATE INDEX ix_review_items_held ON review_items USING btree (held_by);
CREATE INDEX ix_review_items_lot ON review_items USING btree (state, lot, id);
CREATE INDEX ix_review_items_property ON review_items USING btree (property, state, uncertainty, id);
CREATE INDEX ix_review_items_uncertainty ON review_items USING btree (state, uncertainty, id);
CREATE INDEX ix_review_items_worth ON review_items USING btree (state, worth, id);
CREATE INDEX ix_statements_source ON statements USING btree (source);
CREATE INDEX ix_subjects_source ON subjects USING btree (source);
CREATE INDEX ix_title_words_words ON title_words USING gin (words);
CREATE INDEX ix_triples_tail_property ON triples USING btree (tail, property);
CREATE UNIQUE INDEX uq_entities_kind_text ON entities USING btree (kind, md5(text));
ALTER TABLE ONLY ingest_runs
    ADD CONSTRAINT fk_ingest_runs_source FOREIGN KEY (source) REFERENCES sources(id);
