"""Create the first tables."""

import sqlalchemy as sa
from alembic import op

import storage.tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "allowed_sellers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("marketplace", sa.String(), nullable=False),
        sa.Column("seller_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("added_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowed_sellers")),
        sa.UniqueConstraint("marketplace", "seller_id", name=op.f("uq_allowed_sellers_marketplace_seller_id")),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        sa.UniqueConstraint("previous", name=op.f("uq_audit_log_previous")),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index("ix_audit_log_actor", ["actor", "id"], unique=False)
        batch_op.create_index(
            "ix_audit_log_canary_runs",
            ["subject", "id"],
            unique=False,
            sqlite_where=sa.text("action = 'canary run'"),
            postgresql_where=sa.text("action = 'canary run'"),
        )
        batch_op.create_index("ix_audit_log_subject", ["subject", "id"], unique=False)

    op.create_table(
        "custody",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_custody")),
        sa.UniqueConstraint("alert_id", "position", name=op.f("uq_custody_alert_id_position")),
    )
    op.create_table(
        "digests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("until_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("alerts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("mailed_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digests")),
        sa.UniqueConstraint("until_at", name=op.f("uq_digests_until_at")),
    )
    op.create_table(
        "gate_overrides",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("until", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.CheckConstraint(
            "length(trim(person)) > 0 AND length(trim(why)) > 0", name=op.f("ck_gate_overrides_opened_by_a_person")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_overrides")),
    )
    with op.batch_alter_table("gate_overrides", schema=None) as batch_op:
        batch_op.create_index("ix_gate_overrides_of", ["platform", "account", "reason"], unique=False)

    op.create_table(
        "host_hours",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("hour_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("requests", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("host", "hour_at", name=op.f("pk_host_hours")),
    )
    op.create_table(
        "hosts",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("next_allowed_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("blocked_until", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("block_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("slow_s", sa.Double(), nullable=False),
        sa.Column("robots", sa.LargeBinary(), nullable=True),
        sa.Column("robots_status", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("robots_fetched_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("outcome_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("healthy_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_hosts")),
    )
    op.create_table(
        "mail_folders",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("uid_validity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("last_uid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("read_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mail_folders")),
    )
    op.create_table(
        "owners",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owners")),
        sa.UniqueConstraint("name", name=op.f("uq_owners_name")),
    )
    op.create_table(
        "pictures",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("first_seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_pictures")),
    )
    op.create_table(
        "saved_views",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("person", "name", name=op.f("uq_saved_views_person_name")),
    )
    op.create_table(
        "searches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("marketplace", sa.String(), nullable=False),
        sa.Column("keyword", sa.String(), nullable=False),
        sa.Column("seller", sa.String(), nullable=False),
        sa.Column("picture", sa.String(length=64), nullable=False),
        sa.Column("shop", sa.String(), nullable=False),
        sa.Column("rhythm_h", sa.Double(), nullable=False),
        sa.Column("page_limit", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("canary", sa.Boolean(), nullable=False),
        sa.Column("next_run_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("paused_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("removed_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_searches")),
        sa.UniqueConstraint(
            "marketplace",
            "shop",
            "keyword",
            "seller",
            "picture",
            name=op.f("uq_searches_marketplace_shop_keyword_seller_picture"),
        ),
    )
    with op.batch_alter_table("searches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_searches_next_run_at"), ["next_run_at"], unique=False)

    op.create_table(
        "seen_pictures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bytes_hash", sa.LargeBinary(), nullable=False),
        sa.Column("whole", sa.LargeBinary(), nullable=False),
        sa.Column("trimmed", sa.LargeBinary(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.Column("marketplace", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=False),
        sa.Column("listing_url", sa.String(), nullable=False),
        sa.Column("picture_url", sa.String(), nullable=False),
        sa.Column("first_seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seen_pictures")),
        sa.UniqueConstraint("bytes_hash", name=op.f("uq_seen_pictures_bytes_hash")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("seen_pictures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_seen_pictures_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "sellers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("marketplace", sa.String(), nullable=False),
        sa.Column("seller_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("first_seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sellers")),
        sa.UniqueConstraint("marketplace", "seller_id", name=op.f("uq_sellers_marketplace_seller_id")),
    )
    op.create_table(
        "time_stamps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("up_to", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=True),
        sa.Column("asked_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("stamped_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("failure", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_time_stamps")),
        sa.UniqueConstraint("sha256", name=op.f("uq_time_stamps_sha256")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("every_owner", sa.Boolean(), nullable=False),
        sa.Column("password", sa.String(), nullable=True),
        sa.Column("totp", sa.String(), nullable=True),
        sa.Column("totp_step", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("removed_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('viewer', 'analyst', 'approver', 'admin')", name=op.f("ck_users_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "vaults",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("key_file", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("changed_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_vaults_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vaults")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("since_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("stopped", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("name", name=op.f("uq_webhooks_name")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("started_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("works_version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("behind_since", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    with op.batch_alter_table("workers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_workers_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("used_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("revoked_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_tokens_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("name", name=op.f("uq_api_tokens_name")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_tokens_sha256")),
    )
    op.create_table(
        "browser_sessions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_browser_sessions_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_sessions")),
        sa.UniqueConstraint("sha256", name=op.f("uq_browser_sessions_sha256")),
    )
    with op.batch_alter_table("browser_sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_browser_sessions_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_browser_sessions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "cases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seller_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("opened_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["seller_key"], ["sellers.id"], name=op.f("fk_cases_seller_key_sellers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("seller_key", name=op.f("uq_cases_seller_key")),
    )
    op.create_table(
        "crawls",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("search_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("marketplace", sa.String(), nullable=False),
        sa.Column("started_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("finished_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("next_url", sa.String(), nullable=True),
        sa.Column("pages", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("listings_seen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("listings_new", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["search_id"], ["searches.id"], name=op.f("fk_crawls_search_id_searches")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crawls")),
    )
    with op.batch_alter_table("crawls", schema=None) as batch_op:
        batch_op.create_index("ix_crawls_search_id_finished_at", ["search_id", "finished_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_crawls_started_at"), ["started_at"], unique=False)

    op.create_table(
        "listings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("marketplace", sa.String(), nullable=False),
        sa.Column("listing_id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("price", storage.tables.base.Money(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("price_raw", sa.String(), nullable=True),
        sa.Column("seller_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("capture_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("first_capture_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("examine_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("first_seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("last_seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("detailed_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("examined_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["seller_key"], ["sellers.id"], name=op.f("fk_listings_seller_key_sellers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listings")),
        sa.UniqueConstraint("marketplace", "listing_id", name=op.f("uq_listings_marketplace_listing_id")),
    )
    with op.batch_alter_table("listings", schema=None) as batch_op:
        batch_op.create_index(
            "ix_listings_parked",
            ["last_seen_at", "id"],
            unique=False,
            sqlite_where=sa.text("failure IS NOT NULL"),
            postgresql_where=sa.text("failure IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_listings_seller_key"), ["seller_key"], unique=False)
        batch_op.create_index(
            "ix_listings_waiting",
            ["examine_at"],
            unique=False,
            sqlite_where=sa.text("examine_at IS NOT NULL"),
            postgresql_where=sa.text("examine_at IS NOT NULL"),
        )

    op.create_table(
        "platform_accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("identity_note", sa.String(), nullable=False),
        sa.Column("identity_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("suspended", sa.String(), nullable=False),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.CheckConstraint(
            "identity IN ('none', 'pending', 'approved', 'denied')", name=op.f("ck_platform_accounts_identity")
        ),
        sa.CheckConstraint(
            "role = 'agent' OR owner_id IS NOT NULL", name=op.f("ck_platform_accounts_a_holder_is_an_owner")
        ),
        sa.CheckConstraint("role IN ('holder', 'agent')", name=op.f("ck_platform_accounts_role")),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_platform_accounts_owner_id_owners")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_accounts")),
        sa.UniqueConstraint("platform", "label", name=op.f("uq_platform_accounts_platform_label")),
    )
    op.create_table(
        "rights",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_rights_owner_id_owners")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights")),
        sa.UniqueConstraint("owner_id", "number", name=op.f("uq_rights_owner_id_number")),
    )
    op.create_table(
        "user_owners",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_user_owners_owner_id_owners")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_owners_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "owner_id", name=op.f("pk_user_owners")),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("webhook_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("due_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("delivered_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_messages_webhook_id_webhooks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_messages")),
        sa.UniqueConstraint("key", name=op.f("uq_webhook_messages_key")),
    )
    with op.batch_alter_table("webhook_messages", schema=None) as batch_op:
        batch_op.create_index("ix_webhook_messages_waiting", ["webhook_id", "delivered_at", "id"], unique=False)

    op.create_table(
        "works",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("reference_price", storage.tables.base.Money(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("created_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("removed_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_works_owner_id_owners")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works")),
        sa.UniqueConstraint("owner_id", "title", name=op.f("uq_works_owner_id_title")),
    )
    with op.batch_alter_table("works", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_works_revision"), ["revision"], unique=False)

    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("listing_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("cluster", sa.String(length=64), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("score", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("confidence", sa.String(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("suppressed", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("decided_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("ask_again_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("raised_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("changed_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.CheckConstraint(
            "answer IN ('infringing', 'licensed', 'not-a-match', 'unsure')", name=op.f("ck_alerts_answer")
        ),
        sa.CheckConstraint("priority IN ('urgent', 'high', 'normal', 'low')", name=op.f("ck_alerts_priority")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_alerts_case_id_cases")),
        sa.ForeignKeyConstraint(["listing_key"], ["listings.id"], name=op.f("fk_alerts_listing_key_listings")),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_alerts_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("listing_key", "work_id", name=op.f("uq_alerts_listing_key_work_id")),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index("ix_alerts_answer_score", ["answer", "score", "id"], unique=False)
        batch_op.create_index(
            "ix_alerts_aside",
            ["score", "id", "priority"],
            unique=False,
            sqlite_where=sa.text("suppressed IS NOT NULL"),
            postgresql_where=sa.text("suppressed IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_alerts_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_alerts_changed_at"), ["changed_at"], unique=False)
        batch_op.create_index("ix_alerts_cluster", ["cluster", "work_id"], unique=False)
        batch_op.create_index(
            "ix_alerts_decided_at",
            ["decided_at", "answer"],
            unique=False,
            sqlite_where=sa.text("decided_at IS NOT NULL"),
            postgresql_where=sa.text("decided_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_alerts_open_priority", ["answer", "suppressed", "priority", "score", "id"], unique=False
        )
        batch_op.create_index("ix_alerts_open_score", ["answer", "suppressed", "score", "id"], unique=False)
        batch_op.create_index("ix_alerts_raised_at", ["raised_at", "suppressed", "priority"], unique=False)
        batch_op.create_index(
            "ix_alerts_work_id_answer", ["work_id", "answer", "suppressed", "score", "id"], unique=False
        )

    op.create_table(
        "captures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("crawl_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("marketplace", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("status", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=True),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.Column("screenshot", sa.String(length=64), nullable=True),
        sa.Column("captured_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("purged_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.CheckConstraint("how IN ('fetched', 'imported', 'rendered')", name=op.f("ck_captures_how")),
        sa.ForeignKeyConstraint(["crawl_id"], ["crawls.id"], name=op.f("fk_captures_crawl_id_crawls")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_captures")),
        sa.UniqueConstraint("url", "captured_at", name=op.f("uq_captures_url_captured_at")),
    )
    with op.batch_alter_table("captures", schema=None) as batch_op:
        batch_op.create_index("ix_captures_captured_at", ["captured_at", "outcome"], unique=False)
        batch_op.create_index(batch_op.f("ix_captures_crawl_id"), ["crawl_id"], unique=False)

    op.create_table(
        "cluster_bands",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("band", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("picture_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["picture_id"],
            ["seen_pictures.id"],
            name=op.f("fk_cluster_bands_picture_id_seen_pictures"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_cluster_bands_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_bands")),
        sa.UniqueConstraint("work_id", "band", "picture_id", name=op.f("uq_cluster_bands_work_id_band_picture_id")),
    )
    with op.batch_alter_table("cluster_bands", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cluster_bands_picture_id"), ["picture_id"], unique=False)

    op.create_table(
        "complaints",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("right_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reason_facts", sa.JSON(), nullable=False),
        sa.Column("target_kind", sa.String(), nullable=False),
        sa.Column("batch", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("explanation", sa.String(), nullable=False),
        sa.Column("explained_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_since", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("drafted_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("supersedes_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("four_eyes", sa.Boolean(), nullable=False),
        sa.Column("confirmation", sa.JSON(), nullable=True),
        sa.Column("confirmed_by", sa.String(), nullable=True),
        sa.Column("confirmed_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("drawn_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("submission", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("exported_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("pack", sa.String(), nullable=True),
        sa.Column("pack_sha256", sa.String(length=64), nullable=True),
        sa.Column("submitted_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("external_ref", sa.String(), nullable=True),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("platform_status", sa.String(), nullable=False),
        sa.Column("status_unknown", sa.Boolean(), nullable=False),
        sa.Column("chased_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.CheckConstraint(
            "NOT four_eyes OR state IN ('draft', 'ready', 'in_review', 'cancelled') OR lower(approved_by) <> lower(confirmed_by)",
            name=op.f("ck_complaints_approved_by_another"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'ready', 'in_review', 'approved', 'exported', 'submitted', 'acknowledged', 'under_review', 'info_requested', 'paused', 'upheld', 'partially_upheld', 'rejected', 'void', 'countered', 'counter_review', 'counter_refused', 'counter_accepted', 'escalated', 'closed', 'withdrawn', 'retracted', 'cancelled', 'expired')",
            name=op.f("ck_complaints_state"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'ready', 'in_review', 'cancelled') OR (length(trim(coalesce(confirmed_by, ''))) > 0 AND confirmation IS NOT NULL AND length(trim(coalesce(approved_by, ''))) > 0)",
            name=op.f("ck_complaints_confirmed_by_a_person"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'ready', 'in_review', 'cancelled', 'approved') OR exported_at IS NOT NULL",
            name=op.f("ck_complaints_left_by_an_export"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'ready', 'in_review', 'cancelled', 'approved', 'exported', 'withdrawn') OR submitted_at IS NOT NULL",
            name=op.f("ck_complaints_handed_in_with_a_receipt"),
        ),
        sa.ForeignKeyConstraint(["right_id"], ["rights.id"], name=op.f("fk_complaints_right_id_rights")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["complaints.id"], name=op.f("fk_complaints_supersedes_id_complaints")
        ),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_complaints_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
        sa.UniqueConstraint("platform", "external_ref", name=op.f("uq_complaints_platform_external_ref")),
    )
    with op.batch_alter_table("complaints", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_complaints_state"), ["state"], unique=False)

    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("right_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("undone_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["right_id"], ["rights.id"], name=op.f("fk_decisions_right_id_rights")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decisions_at"), ["at"], unique=False)

    op.create_table(
        "documents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("right_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("added_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_from IS NULL OR valid_to >= valid_from",
            name=op.f("ck_documents_ends_after_it_begins"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["owners.id"], name=op.f("fk_documents_owner_id_owners")),
        sa.ForeignKeyConstraint(["right_id"], ["rights.id"], name=op.f("fk_documents_right_id_rights")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
    )
    with op.batch_alter_table("documents", schema=None) as batch_op:
        batch_op.create_index("ix_documents_once", ["owner_id", "kind", "mark"], unique=False)
        batch_op.create_index(batch_op.f("ix_documents_right_id"), ["right_id"], unique=False)

    op.create_table(
        "kept_answers",
        sa.Column("token_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("status", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["api_tokens.id"], name=op.f("fk_kept_answers_token_id_api_tokens")),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_kept_answers")),
    )
    with op.batch_alter_table("kept_answers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_answers_at"), ["at"], unique=False)

    op.create_table(
        "leases",
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("picture", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_leases_work_id_works")),
        sa.PrimaryKeyConstraint("work_id", "picture", name=op.f("pk_leases")),
    )
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leases_until_at"), ["until_at"], unique=False)

    op.create_table(
        "listing_pictures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("listing_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("how", sa.String(), nullable=True),
        sa.Column("head", sa.JSON(), nullable=False),
        sa.Column("fetched_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["listing_key"], ["listings.id"], name=op.f("fk_listing_pictures_listing_key_listings")
        ),
        sa.ForeignKeyConstraint(["sha256"], ["pictures.sha256"], name=op.f("fk_listing_pictures_sha256_pictures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_pictures")),
        sa.UniqueConstraint("listing_key", "url", name=op.f("uq_listing_pictures_listing_key_url")),
    )
    with op.batch_alter_table("listing_pictures", schema=None) as batch_op:
        batch_op.create_index(
            "ix_listing_pictures_sha256",
            ["sha256"],
            unique=False,
            sqlite_where=sa.text("sha256 IS NOT NULL"),
            postgresql_where=sa.text("sha256 IS NOT NULL"),
        )

    op.create_table(
        "look_backs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("share", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shares", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asked_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("done_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_look_backs_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_backs")),
    )
    op.create_table(
        "negatives",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("description", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_negatives_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_negatives")),
        sa.UniqueConstraint("sha256", name=op.f("uq_negatives_sha256")),
    )
    with op.batch_alter_table("negatives", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_negatives_work_id"), ["work_id"], unique=False)

    op.create_table(
        "platform_rights",
        sa.Column("right_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("changed_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["platform_accounts.id"], name=op.f("fk_platform_rights_account_id_platform_accounts")
        ),
        sa.ForeignKeyConstraint(["right_id"], ["rights.id"], name=op.f("fk_platform_rights_right_id_rights")),
        sa.PrimaryKeyConstraint("right_id", "account_id", name=op.f("pk_platform_rights")),
    )
    with op.batch_alter_table("platform_rights", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_platform_rights_platform"), ["platform"], unique=False)

    op.create_table(
        "publications",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("stated_on", sa.Date(), nullable=True),
        sa.Column("stated_by", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_publications_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publications")),
        sa.UniqueConstraint("work_id", "url", "sha256", name=op.f("uq_publications_work_id_url_sha256")),
    )
    with op.batch_alter_table("publications", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_publications_work_id"), ["work_id"], unique=False)

    op.create_table(
        "right_works",
        sa.Column("right_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["right_id"], ["rights.id"], name=op.f("fk_right_works_right_id_rights"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_right_works_work_id_works")),
        sa.PrimaryKeyConstraint("right_id", "work_id", name=op.f("pk_right_works")),
    )
    with op.batch_alter_table("right_works", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_right_works_work_id"), ["work_id"], unique=False)

    op.create_table(
        "thresholds",
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("unmatched", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("measured_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_thresholds_work_id_works")),
        sa.PrimaryKeyConstraint("work_id", name=op.f("pk_thresholds")),
    )
    op.create_table(
        "work_references",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("description", sa.LargeBinary(), nullable=False),
        sa.Column("weak", sa.String(), nullable=True),
        sa.Column("added_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_work_references_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_references")),
        sa.UniqueConstraint("work_id", "sha256", name=op.f("uq_work_references_work_id_sha256")),
    )
    with op.batch_alter_table("work_references", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_work_references_sha256"), ["sha256"], unique=False)

    op.create_table(
        "complaint_targets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("complaint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_since", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("considered", sa.JSON(), nullable=True),
        sa.Column("considered_sha256", sa.String(length=64), nullable=False),
        sa.Column("live_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("live_how", sa.String(), nullable=False),
        sa.Column("live_by", sa.String(), nullable=False),
        sa.Column("checked_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("checked_outcome", sa.String(), nullable=False),
        sa.Column("platform_status", sa.String(), nullable=False),
        sa.Column("platform_reason", sa.String(), nullable=False),
        sa.Column("status_unknown", sa.Boolean(), nullable=False),
        sa.Column("decided_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("verified_gone_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("reappeared_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.CheckConstraint(
            "live_how <> 'person' OR length(trim(live_by)) > 0", name=op.f("ck_complaint_targets_seen_by_a_person")
        ),
        sa.CheckConstraint(
            "live_how IN ('', 'fetched', 'imported', 'rendered', 'person')", name=op.f("ck_complaint_targets_live_how")
        ),
        sa.CheckConstraint(
            "state IN ('selected', 'excluded', 'reported', 'under_review', 'paused', 'removed_unconfirmed', 'removed', 'edited', 'void_gone', 'rejected', 'countered', 'reinstated', 'still_up', 'reappeared', 'withdrawn')",
            name=op.f("ck_complaint_targets_state"),
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_complaint_targets_alert_id_alerts")),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_targets_complaint_id_complaints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_targets")),
        sa.UniqueConstraint("complaint_id", "alert_id", name=op.f("uq_complaint_targets_complaint_id_alert_id")),
    )
    with op.batch_alter_table("complaint_targets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_complaint_targets_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_complaint_targets_complaint_id"), ["complaint_id"], unique=False)

    op.create_table(
        "complaint_timers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("complaint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("started_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("due_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("act_by_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("unconfirmed", sa.Boolean(), nullable=False),
        sa.Column("fired_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("ended_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_timers_complaint_id_complaints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_timers")),
        sa.UniqueConstraint(
            "complaint_id",
            "kind",
            "started_at",
            "due_at",
            name=op.f("uq_complaint_timers_complaint_id_kind_started_at_due_at"),
        ),
    )
    with op.batch_alter_table("complaint_timers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_complaint_timers_complaint_id"), ["complaint_id"], unique=False)
        batch_op.create_index("ix_complaint_timers_open", ["ended_at", "due_at"], unique=False)

    op.create_table(
        "counter_notices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("complaint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("round", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("elements", sa.JSON(), nullable=False),
        sa.Column("received_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("due_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("answered_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=False),
        sa.CheckConstraint(
            "claim IN ('own-design', 'licensed', 'genuine-goods', 'different', 'not-told')",
            name=op.f("ck_counter_notices_claim"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'refused', 'accepted', 'escalated', 'lost_by_silence', 'withdrawn')",
            name=op.f("ck_counter_notices_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('refused', 'accepted', 'escalated') OR length(trim(coalesce(answered_by, ''))) > 0",
            name=op.f("ck_counter_notices_answered_by_a_person"),
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("fk_counter_notices_complaint_id_complaints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counter_notices")),
        sa.UniqueConstraint("complaint_id", "round", name=op.f("uq_counter_notices_complaint_id_round")),
    )
    with op.batch_alter_table("counter_notices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_counter_notices_complaint_id"), ["complaint_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_counter_notices_state"), ["state"], unique=False)

    op.create_table(
        "decision_items",
        sa.Column("decision_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("undone_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_decision_items_alert_id_alerts")),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_decision_items_decision_id_decisions")
        ),
        sa.PrimaryKeyConstraint("decision_id", "alert_id", name=op.f("pk_decision_items")),
    )
    with op.batch_alter_table("decision_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decision_items_alert_id"), ["alert_id"], unique=False)

    op.create_table(
        "drawings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("complaint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_drawings_complaint_id_complaints")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drawings")),
        sa.UniqueConstraint("complaint_id", "key", "position", name=op.f("uq_drawings_complaint_id_key_position")),
    )
    with op.batch_alter_table("drawings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_drawings_complaint_id"), ["complaint_id"], unique=False)

    op.create_table(
        "evidence",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("seen_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.CheckConstraint("how IN ('fetched', 'rendered', 'imported', 'derived')", name=op.f("ck_evidence_how")),
        sa.CheckConstraint(
            "kind IN ('page', 'picture', 'screenshot', 'facts', 'comparison')", name=op.f("ck_evidence_kind")
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_evidence_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint(
            "alert_id", "kind", "sha256", "url", "seen_at", name=op.f("uq_evidence_alert_id_kind_sha256_url_seen_at")
        ),
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_alert_id"), ["alert_id"], unique=False)

    op.create_table(
        "holds",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("placed_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.Column("released_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_holds_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.create_index(
            "uq_holds_in_force",
            ["alert_id"],
            unique=True,
            sqlite_where=sa.text("released_at IS NULL"),
            postgresql_where=sa.text("released_at IS NULL"),
        )

    op.create_table(
        "known_cases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("added_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("removed_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.CheckConstraint("answer IN ('infringing', 'licensed', 'not-a-match')", name=op.f("ck_known_cases_answer")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_known_cases_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_cases")),
        sa.UniqueConstraint("alert_id", name=op.f("uq_known_cases_alert_id")),
    )
    op.create_table(
        "mails",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("received_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("sent_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("complaint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("right_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("handled_by", sa.String(), nullable=True),
        sa.Column("handled_at", storage.tables.base.Utc(timezone=True), nullable=True),
        sa.CheckConstraint("how IN ('imap', 'file')", name=op.f("ck_mails_how")),
        sa.CheckConstraint("state IN ('applied', 'waiting', 'set-aside')", name=op.f("ck_mails_state")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_mails_complaint_id_complaints")),
        sa.ForeignKeyConstraint(["right_id"], ["rights.id"], name=op.f("fk_mails_right_id_rights")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("sha256", name=op.f("uq_mails_sha256")),
    )
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mails_complaint_id"), ["complaint_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_mails_message_id"), ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_mails_state"), ["state"], unique=False)

    op.create_table(
        "matches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("listing_key", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("work_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("detector", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("distance_bits", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("found_at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["listing_key"], ["listings.id"], name=op.f("fk_matches_listing_key_listings")),
        sa.ForeignKeyConstraint(
            ["reference_id"], ["work_references.id"], name=op.f("fk_matches_reference_id_work_references")
        ),
        sa.ForeignKeyConstraint(["sha256"], ["pictures.sha256"], name=op.f("fk_matches_sha256_pictures")),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("fk_matches_work_id_works")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_matches")),
        sa.UniqueConstraint(
            "listing_key",
            "sha256",
            "reference_id",
            "detector",
            "version",
            name=op.f("uq_matches_listing_key_sha256_reference_id_detector_version"),
        ),
    )
    with op.batch_alter_table("matches", schema=None) as batch_op:
        batch_op.create_index("ix_matches_listing_key_work_id", ["listing_key", "work_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_matches_sha256"), ["sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_matches_work_id"), ["work_id"], unique=False)

    op.create_table(
        "complaint_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("complaint_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("target_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_events_complaint_id_complaints")
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["complaint_targets.id"], name=op.f("fk_complaint_events_target_id_complaint_targets")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_events")),
    )
    with op.batch_alter_table("complaint_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_complaint_events_complaint_id"), ["complaint_id"], unique=False)

    op.create_table(
        "known_answers",
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("at", storage.tables.base.Utc(timezone=True), nullable=False),
        sa.CheckConstraint(
            "answer IN ('infringing', 'licensed', 'not-a-match', 'unsure')", name=op.f("ck_known_answers_answer")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["known_cases.id"], name=op.f("fk_known_answers_case_id_known_cases")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_known_answers_user_id_users")),
        sa.PrimaryKeyConstraint("case_id", "user_id", name=op.f("pk_known_answers")),
    )
    op.create_table(
        "webhook_events",
        sa.Column("webhook_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_id"], ["complaint_events.id"], name=op.f("fk_webhook_events_event_id_complaint_events")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_events_webhook_id_webhooks"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", "event_id", name=op.f("pk_webhook_events")),
    )
    _make_append_only("audit_log")
    _make_append_only("custody")
    for noun in ("alert", "seller", "work"):
        _make_search(noun)
    _make_open_alerts()
    _part_captures()


def _part_captures() -> None:
    """PostgreSQL parts the captures by months, which `storage.months` makes; its keys must then hold the time."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for step in (
        "CREATE TABLE parted (LIKE captures INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (captured_at)",
        "ALTER SEQUENCE captures_id_seq OWNED BY parted.id",
        "DROP TABLE captures",
        "ALTER TABLE parted RENAME TO captures",
        "ALTER TABLE captures ADD CONSTRAINT pk_captures PRIMARY KEY (id, captured_at)",
        "ALTER TABLE captures ADD CONSTRAINT uq_captures_url_captured_at UNIQUE (url, captured_at)",
        "ALTER TABLE captures ADD CONSTRAINT fk_captures_crawl_id_crawls FOREIGN KEY (crawl_id) REFERENCES crawls (id)",
        "CREATE INDEX ix_captures_crawl_id ON captures (crawl_id)",
        "CREATE INDEX ix_captures_captured_at ON captures (captured_at, outcome)",
        "CREATE TABLE captures_other PARTITION OF captures DEFAULT",
    ):
        op.execute(step)


def _make_search(noun: str) -> None:
    """The words by which `storage.search` finds rows of a table, under their ids."""
    name = f"{noun}_search"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE VIRTUAL TABLE {name} USING fts5(words, tokenize = 'unicode61 remove_diacritics 0')")
        return
    op.execute(f"CREATE TABLE {name} (id BIGINT PRIMARY KEY REFERENCES {noun}s (id), words TSVECTOR NOT NULL)")
    op.execute(f"CREATE INDEX ix_{name}_words ON {name} USING gin (words)")


def _make_open_alerts() -> None:
    """What lists open alerts quickly where the indexes that the tables name do not."""
    if op.get_bind().dialect.name == "sqlite":
        return
    # PostgreSQL reads an index in its order only behind values that it compares by "=", which IS NULL is not.
    for columns in ("score, id", "priority, score, id", "work_id, score, id"):
        name = f"ix_alert_search_open_{columns.partition(',')[0]}"
        op.execute(f"CREATE INDEX {name} ON alerts ({columns}) WHERE answer IS NULL AND suppressed IS NULL")


def _make_append_only(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"EXECUTE FUNCTION {table}_append_only()"
    )
