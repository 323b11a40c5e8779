locals {
  prefix = var.prefix == null ? "" : "${var.prefix}-"

  project_crn = var.existing_project_crn == null ? ibm_code_engine_project.this[0].crn : var.existing_project_crn
  project_id  = split(":", local.project_crn)[7]
  account_id  = split("/", split(":", local.project_crn)[6])[1]

  secrets_manager_crn    = var.existing_secrets_manager_crn == null ? ibm_resource_instance.secrets_manager[0].id : var.existing_secrets_manager_crn
  secrets_manager_id     = split(":", local.secrets_manager_crn)[7]
  secrets_manager_region = split(":", local.secrets_manager_crn)[5]
  secrets_manager_host   = var.secrets_manager_endpoint == "private" ? "private.${local.secrets_manager_region}" : local.secrets_manager_region
}

resource "ibm_code_engine_project" "this" {
  count = var.existing_project_crn == null ? 1 : 0

  name              = "${local.prefix}keyrota-${local.deployment}"
  resource_group_id = var.resource_group_id
}

resource "ibm_resource_instance" "secrets_manager" {
  count = var.existing_secrets_manager_crn == null ? 1 : 0

  name              = "${local.prefix}keyrota-${local.deployment}-secrets"
  service           = "secrets-manager"
  plan              = var.secrets_manager_plan
  location          = var.region
  resource_group_id = var.resource_group_id
  parameters = {
    allowed_network = var.secrets_manager_endpoint == "private" ? "private-only" : "public-and-private"
  }

  timeouts {
    create = "30m"
  }

  # It holds every value that consumers read: only a person may remove it.
  lifecycle {
    prevent_destroy = true
  }
}

# Secrets are none of Terraform's resources: their values would stand in its state, and an apply would bring an old one back.
resource "ibm_sm_secret_group" "this" {
  for_each = var.secret_groups

  instance_id   = local.secrets_manager_id
  region        = local.secrets_manager_region
  endpoint_type = var.secrets_manager_endpoint
  name          = each.value
  description   = "Keys that Keyrota rotates (${local.deployment})."
}
