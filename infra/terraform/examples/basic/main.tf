# Rotation, response to leaks, the daily check and the report, beside an instance of Secrets Manager that is there.
module "keyrota" {
  source = "../.."

  region                       = var.region
  resource_group_id            = var.resource_group_id
  manifest_file                = var.manifest_file
  existing_secrets_manager_crn = var.existing_secrets_manager_crn
  functions                    = ["rotate-keys", "respond-to-compromise", "check-expiry", "show-report"]

  secrets = {
    KEYROTA_TRIGGER_TOKEN   = var.trigger_token
    KEYROTA_REPORT_TOKEN    = var.report_token
    KEYROTA_INCIDENT_SECRET = var.incident_secret
  }
}
