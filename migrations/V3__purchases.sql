-- What was ordered, what is owned, and each errand that was sent to a download server.

create table orders (
    order_id uuid not null,
    user_id uuid not null,
    status text not null,
    currency text not null,
    total_minor bigint not null,
    idempotency_key text not null, -- the client's: asking twice with it makes one order
    created_at timestamptz not null,
    paid_at timestamptz,
    refunded_at timestamptz,
    cancelled_at timestamptz,
    constraint orders_pkey primary key (order_id),
    constraint orders_idempotency_key unique (user_id, idempotency_key),
    constraint orders_user_fkey foreign key (user_id) references users,
    constraint orders_status_check check (status in ('pending', 'paid', 'refunded', 'cancelled')),
    constraint orders_paid_check check ((paid_at is not null) = (status in ('paid', 'refunded'))),
    constraint orders_refunded_check check ((refunded_at is not null) = (status = 'refunded')),
    constraint orders_cancelled_check check ((cancelled_at is not null) = (status = 'cancelled')),
    constraint orders_currency_check check (currency ~ '^[A-Z]{3}$'),
    constraint orders_total_check check (total_minor >= 0)
);

create index orders_user_idx on orders (user_id, created_at, order_id);

create table order_items (
    order_id uuid not null,
    product_id uuid not null,
    title text not null, -- as it was called then
    price_minor bigint not null, -- as it was then, in the order's currency
    constraint order_items_pkey primary key (order_id, product_id),
    constraint order_items_order_fkey foreign key (order_id) references orders,
    constraint order_items_product_fkey foreign key (product_id) references products,
    constraint order_items_price_check check (price_minor >= 0)
);

-- The lasting right of one user to one product.
create table purchases (
    purchase_id uuid not null,
    user_id uuid not null,
    product_id uuid not null,
    order_id uuid not null,
    purchased_at timestamptz not null,
    refunded_at timestamptz, -- set: the right has ended
    constraint purchases_pkey primary key (purchase_id),
    constraint purchases_user_fkey foreign key (user_id) references users,
    constraint purchases_product_fkey foreign key (product_id) references products,
    constraint purchases_order_fkey foreign key (order_id) references orders
);

-- However often somebody clicks: one.
create unique index purchases_active_key on purchases (user_id, product_id)
    where refunded_at is null;
create index purchases_order_idx on purchases (order_id);

-- One row for each download token, kept when token and session are gone.
create table mints (
    jti uuid not null,
    user_id uuid not null,
    file_id uuid not null,
    purchase_id uuid not null,
    session_id uuid not null, -- no foreign key: sessions are purged, this is the record of them
    audience text not null, -- the download server's address
    minted_at timestamptz not null,
    expires_at timestamptz not null,
    ip text not null,
    constraint mints_pkey primary key (jti),
    constraint mints_user_fkey foreign key (user_id) references users,
    constraint mints_file_fkey foreign key (file_id) references files,
    constraint mints_purchase_fkey foreign key (purchase_id) references purchases
);

create index mints_user_idx on mints (user_id, minted_at); -- counts the last minute's
