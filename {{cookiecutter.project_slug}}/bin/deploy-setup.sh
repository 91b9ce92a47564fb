#!/bin/sh
# Creates what `make deploy` needs in gcloud's current project. It creates only what is missing, so you can
# run it again. Run it again after you change a name in cloudbuild.yaml.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "deploy-setup: $1" >&2
    exit 1
}

command -v gcloud >/dev/null || fail "gcloud is not installed; install it: https://cloud.google.com/sdk/docs/install"
# Print each command before it runs.
exec 3>&1
gcloud() {
    echo "+ gcloud $*" >&3
    command gcloud "$@"
}

project=$(gcloud config get project 2>/dev/null) || true
[ -n "$project" ] || fail "no project is set; choose one: gcloud config set project PROJECT_ID"

substitution() { sed -n "s/^  $1: *[\"']*\([^\"' ]*\).*/\1/p" cloudbuild.yaml; }
region=$(substitution _REGION)
repository=$(substitution _REPOSITORY)
build=$(substitution _BUILD_ACCOUNT)@$project.iam.gserviceaccount.com
runtime=$(substitution _RUNTIME_ACCOUNT)@$project.iam.gserviceaccount.com

# Granting a role to a new service account can fail until the account has propagated.
grant() { "$@" || { sleep 10 && "$@"; } || { sleep 30 && "$@"; }; }

# containeranalysis stores how images were built.
gcloud services enable run.googleapis.com cloudbuild.googleapis.com artifactregistry.googleapis.com \
    containeranalysis.googleapis.com iam.googleapis.com

# % if cookiecutter.datastore == "sql"
gcloud services enable sqladmin.googleapis.com sql-component.googleapis.com secretmanager.googleapis.com

# The value goes through a pipe, because other users of this machine can read arguments.
secret=$(substitution _SECRET)
current=$(gcloud secrets versions access latest --secret="$secret" 2>/dev/null) || true
instance=$(substitution _CLOUD_SQL_INSTANCE | sed "s/\$PROJECT_ID/$project/; s/\${_REGION}/$region/")
form="postgresql://USER:PASSWORD@/DATABASE?host=/cloudsql/$instance"
case ${DATABASE_URL:-$current} in
"") fail "DATABASE_URL is not set, and cannot be read from the secret $secret: export DATABASE_URL='$form'" ;;
postgresql://*host=/cloudsql/"$instance") ;; # not a local database
*) fail "DATABASE_URL does not name the Cloud SQL instance of cloudbuild.yaml: it must be $form" ;;
esac
gcloud secrets describe "$secret" >/dev/null 2>&1 ||
    gcloud secrets create "$secret" --replication-policy=automatic
if [ "${DATABASE_URL:-$current}" != "$current" ]; then
    printf %s "$DATABASE_URL" | gcloud secrets versions add "$secret" --data-file=-
fi

# % elif cookiecutter.datastore == "firestore"
gcloud services enable firestore.googleapis.com
gcloud firestore databases describe >/dev/null 2>&1 ||
    gcloud firestore databases create --location="$region" --type=firestore-native

# % endif
gcloud artifacts repositories describe "$repository" --location="$region" >/dev/null 2>&1 ||
    gcloud artifacts repositories create "$repository" --location="$region" --repository-format=docker

for account in "$build" "$runtime"; do
    gcloud iam service-accounts describe "$account" >/dev/null 2>&1 ||
        gcloud iam service-accounts create "${account%%@*}"
done

# The build account reads the uploaded source, pushes the image, and writes the log.
grant gcloud projects add-iam-policy-binding "$project" --member="serviceAccount:$build" \
    --role=roles/cloudbuild.builds.builder --condition=None --format=none
# It deploys with run.admin, because no lesser role may change the access to the service
# (run.services.setIamPolicy).
grant gcloud projects add-iam-policy-binding "$project" --member="serviceAccount:$build" \
    --role=roles/run.admin --condition=None --format=none
# The services that it deploys can run as the runtime account, and as no other account.
grant gcloud iam service-accounts add-iam-policy-binding "$runtime" --member="serviceAccount:$build" \
    --role=roles/iam.serviceAccountUser --format=none

# % if cookiecutter.datastore == "sql"
# The service can connect to Cloud SQL, and read one secret.
grant gcloud projects add-iam-policy-binding "$project" --member="serviceAccount:$runtime" \
    --role=roles/cloudsql.client --condition=None --format=none
grant gcloud secrets add-iam-policy-binding "$secret" --member="serviceAccount:$runtime" \
    --role=roles/secretmanager.secretAccessor --format=none

# % elif cookiecutter.datastore == "firestore"
# The service can read and write documents.
grant gcloud projects add-iam-policy-binding "$project" --member="serviceAccount:$runtime" \
    --role=roles/datastore.user --condition=None --format=none

# % endif
echo "The project $project is ready: make deploy. If permission is denied, try again after a few minutes, when the new roles apply."
