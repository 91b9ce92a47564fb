${repr(message)}

import sqlalchemy as sa
from alembic import op
${imports or ""}

revision = "${up_revision}"
down_revision = ${repr(down_revision)}

def upgrade() -> None:
    ${upgrades or "pass"}

def downgrade() -> None:
    ${downgrades or "pass"}
