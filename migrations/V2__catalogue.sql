-- What is for sale, and the carts it waits in.

create extension if not exists pg_trgm;
create extension if not exists unaccent;

-- unaccent() itself is only stable, because its dictionary can be changed; an index needs a promise.
create function immutable_unaccent(text) returns text
    language sql immutable strict parallel safe
    return unaccent('unaccent'::regdictionary, $1);

create table products (
    product_id uuid not null,
    slug text not null,
    title text not null,
    summary text not null, -- one or two sentences of plain text
    description_markdown text not null, -- as written; rendered and sanitised when shown
    price_minor bigint not null, -- in the currency's minor units; 0 is free
    currency text not null, -- ISO 4217
    tags text[] not null, -- written like slugs
    cover_key text, -- SHA-256 of the image, its place in the file store
    cover_media_type text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    published_at timestamptz, -- null: not shown and not sold; owners keep it
    -- array_to_tsvector(…)::text is the one immutable way from an array to text.
    search tsvector not null generated always as (
        setweight(to_tsvector('simple', immutable_unaccent(title)), 'A')
        || setweight(to_tsvector('simple', array_to_tsvector(tags)::text), 'B')
        || setweight(to_tsvector('simple', immutable_unaccent(summary)), 'C')
        || setweight(to_tsvector('simple', immutable_unaccent(description_markdown)), 'D')
    ) stored,
    -- Where a misspelt word looks for its neighbours.
    search_words text not null generated always as (
        lower(immutable_unaccent(
            title || ' ' || array_to_tsvector(tags)::text || ' ' || summary || ' ' || description_markdown
        ))
    ) stored,
    constraint products_pkey primary key (product_id),
    constraint products_slug_key unique (slug),
    constraint products_slug_check check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    constraint products_price_check check (price_minor >= 0),
    constraint products_currency_check check (currency ~ '^[A-Z]{3}$'),
    constraint products_cover_check check (cover_key ~ '^[0-9a-f]{64}$'),
    constraint products_cover_type_check check ((cover_key is null) = (cover_media_type is null)),
    constraint products_cover_image_check
        check (cover_media_type in ('image/png', 'image/jpeg', 'image/webp'))
);

-- One for each order of the catalogue; pages continue after (key, product_id).
create index products_newest_idx on products (published_at, product_id)
    where published_at is not null;
create index products_title_idx on products (lower(immutable_unaccent(title)), product_id)
    where published_at is not null;
create index products_price_idx on products (price_minor, product_id)
    where published_at is not null;
create index products_tags_idx on products using gin (tags);
create index products_search_idx on products using gin (search);
create index products_words_idx on products using gin (search_words gin_trgm_ops);
create index products_cover_idx on products (cover_key);

-- Each row is one version of one file and is never changed, but for the moment it was replaced.
create table files (
    file_id uuid not null,
    product_id uuid not null,
    file_name text not null, -- the same through all versions
    version integer not null, -- counted from 1
    storage_key text not null, -- SHA-256 of the bytes
    size_bytes bigint not null,
    media_type text not null,
    published_at timestamptz not null,
    replaced_at timestamptz, -- null: the current version
    constraint files_pkey primary key (file_id),
    constraint files_version_key unique (product_id, file_name, version),
    constraint files_product_fkey foreign key (product_id) references products,
    constraint files_version_check check (version >= 1),
    constraint files_storage_check check (storage_key ~ '^[0-9a-f]{64}$'),
    constraint files_size_check check (size_bytes >= 0)
);

create unique index files_current_key on files (product_id, file_name) where replaced_at is null;

-- A visitor's cart hangs on the session until there is a user.
create table cart_items (
    session_id uuid,
    user_id uuid,
    product_id uuid not null,
    added_at timestamptz not null,
    constraint cart_items_session_fkey foreign key (session_id) references sessions on delete cascade,
    constraint cart_items_user_fkey foreign key (user_id) references users on delete cascade,
    constraint cart_items_product_fkey foreign key (product_id) references products,
    constraint cart_items_owner_check check (num_nonnulls(session_id, user_id) = 1)
);

create unique index cart_items_session_key on cart_items (session_id, product_id)
    where session_id is not null;
create unique index cart_items_user_key on cart_items (user_id, product_id)
    where user_id is not null;
