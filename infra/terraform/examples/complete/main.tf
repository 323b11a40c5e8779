# All functions, all in Terraform: also the timer of rotate-keys, which is that of Event Notifications here.
module "keyrota" {
  source = "../.."

  region            = var.region
  prefix            = var.prefix
  resource_group_id = var.resource_group_id
  manifest_file     = var.manifest_file

  existing_project_crn             = var.existing_project_crn
  existing_secrets_manager_crn     = var.existing_secrets_manager_crn
  existing_event_notifications_crn = var.existing_event_notifications_crn
  existing_cloud_logs_crn          = var.existing_cloud_logs_crn
  secret_groups                    = ["keyrota-ledger", "keyrota-logins", "ingestion"]

  secrets               = var.secrets
  existing_secret_names = { "respond-to-compromise" = var.github_secret_name }
  settings = {
    KEYROTA_NOTICE_WEBHOOK_URL  = var.notice_url
    KEYROTA_GITHUB_SECRET_TYPES = "ibm_cloud_api_key"
  }

  enable_events      = true
  leak_event_sources = [var.existing_cloud_logs_crn]
  rotate_timer       = "event-notifications"
  timer_minutes      = 5
  check_timer        = "none"

  report_visibility       = "local_private"
  contain_user_keys       = true
  disable_credential_keys = true
  read_user_logins        = true
}
