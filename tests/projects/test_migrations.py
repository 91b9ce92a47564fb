"""Change the tables of a project, as docs/database.md explains, and while an older version runs."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Bake, Server, serving
from tests.projects.test_datastores import ITEMS, Answer, database  # noqa: F401
from tests.support.edits import add_fields, blocks, replace
from tests.support.installed import install
from tests.support.machine import OWN_TESTS, run
from tests.support.tutorial import add_the_resource

pytestmark = pytest.mark.thorough
PAGE, SECTION = "docs/database.md", "Change a table"


def add_the_stock(project: Path) -> None:
    """Follow the page's steps for a new column, up to its migration."""
    fields = blocks(project, PAGE, SECTION)
    for name, code in zip(("ItemIn", "ItemPatch", "Item", "ItemRow"), fields, strict=False):
        add_fields(project / "api/items", name, code)


def test_the_page_s_steps_to_change_tables_work(workshop: Bake) -> None:
    project = workshop(datastore="sql")
    add_the_resource(project)
    *_, stock, body, patch, returned, row, function, create, change, declared, commands = blocks(
        project, PAGE, SECTION
    )
    add_the_stock(project)
    run("sh", "-ec", stock, cwd=project, **OWN_TESTS)

    fields = (("OrderIn", body), ("OrderPatch", patch), ("Order", returned), ("OrderRow", row))
    for name, code in fields:
        add_fields(project / "api/orders", name, code)
    module = project / "api/orders/sql.py"
    imports, checking = function.split("\n\n\n")
    replace(module, "\nclass OrderRow", f"{imports}\n\n\nclass OrderRow")
    replace(module, "\ndef create_order", f"{checking}\n\ndef create_order")
    for function_name, call in (("create_order", create), ("change_order", change)):
        code = module.read_text(encoding="utf-8")
        begin = code.index(f"def {function_name}")
        opened = code.index("with writing() as session:\n", begin)
        end = code.index("\n", opened) + 1
        module.write_text(code[:end] + call + code[end:], encoding="utf-8")
    views = project / "api/orders/views.py"
    replace(views, declared.replace("404, ", ""), declared)
    run("sh", "-ec", commands, cwd=project, **OWN_TESTS)
    with serving(project) as server:
        item = Answer(server, ITEMS, {"name": "Ada", "stock": 3}).json
        orders = ITEMS.replace("items", "orders")
        assert Answer(server, orders, {"name": "Bob", "item_id": item["id"]}).status == 201
        unknown = item["id"].replace(item["id"][:8], "00000000")
        assert Answer(server, orders, {"name": "Bob", "item_id": unknown}).status == 404


@pytest.mark.parametrize(
    ("model", "edit", "found"),
    [
        ('mapped_column(server_default="0")', "", "Cannot add a NOT NULL column"),
        (
            "__table_args__ = (",
            '__table_args__ = (CheckConstraint("name > \'\'", name="named"), ',
            "New upgrade operations detected: .*ck_items_named",
        ),
    ],
)
def test_the_tests_of_a_project_find_an_incomplete_migration(
    workshop: Bake, model: str, edit: str, found: str
) -> None:
    project = workshop(datastore="sql")
    install(project)
    module = project / "api/items/sql.py"
    own = {"PATH": f"{project}/.venv/bin:/usr/bin:/bin"}
    if edit:
        replace(module, model, edit)
        replace(module, "import Index", "import CheckConstraint, Index")
    else:
        add_the_stock(project)
        replace(module, f" = {model}", "")
        (project / "instance").mkdir()
        run("bin/run.sh", "alembic", "upgrade", "head", cwd=project, **own)
        (project / "migrations/versions/0002_stock.py").write_text(NOT_NULL, encoding="utf-8")
    with pytest.raises(AssertionError, match=found):
        run(project / ".venv/bin/pytest", "-q", "tests/test_migrations.py", cwd=project)


NOT_NULL = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    with op.batch_alter_table("items") as batch_op:
        batch_op.add_column(sa.Column("stock", sa.Integer(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("items") as batch_op:
        batch_op.drop_column("stock")
"""


def test_an_older_version_starts_and_works_on_a_newer_schema(
    bake: Bake,
    database: Callable[[Path], str],  # noqa: F811
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Deploying or rolling back an image must not interrupt the service."""
    old = shutil.copytree(bake(datastore="sql"), tmp_path / "old")
    new = shutil.copytree(old, tmp_path / "new")
    for project in (old, new):
        install(project)
    url = database(new)
    own = {"DATABASE_URL": url, "PATH": f"{new}/.venv/bin:/usr/bin:/bin"}
    add_the_stock(new)
    run("bin/run.sh", "alembic", "upgrade", "head", cwd=new, **own)
    run("make", "migration", "m=Add the stock", cwd=new, DATABASE_URL=url)

    with serving(old, DATABASE_URL=url, WORKERS="1") as server:
        assert Answer(server, ITEMS, {"name": "before"}).status == 201
        run("make", "migrate", cwd=new, DATABASE_URL=url)
        use(server)  # it runs while the database is migrated
    run("make", "migrate", cwd=old, DATABASE_URL=url)
    with serving(old, DATABASE_URL=url, WORKERS="1") as server:
        use(server)
    assert re.search("A newer version has migrated the database to ", capfd.readouterr().err) or (
        not url.startswith("sqlite")
    )
    with serving(new, DATABASE_URL=url, WORKERS="1") as server:
        assert all(item["stock"] == 0 for item in Answer(server, ITEMS).json["items"])
        assert Answer(server, ITEMS, {"name": "Eve", "stock": 3}).json["stock"] == 3


def use(server: Server) -> None:
    """Call each operation of the items once."""
    assert Answer(server, "/ready").status == 200
    item = Answer(server, ITEMS, {"name": "Ada"})
    assert item.status == 201
    path = f"{ITEMS}/{item.json['id']}"
    assert "stock" not in Answer(server, path).json
    assert Answer(server, ITEMS).status == 200
    assert Answer(server, path, {"name": "Bob"}, "PUT").json["name"] == "Bob"
    assert Answer(server, path, method="DELETE").status == 204
