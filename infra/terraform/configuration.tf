locals {
  # Settings that one function or another has no use for: the others do not get them.
  notified    = ["rotate-keys", "respond-to-compromise", "check-expiry"]
  of_notices  = ["KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE", "KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL", "KEYROTA_NOTICE_WEBHOOK_URL"]
  of_github   = ["KEYROTA_GITHUB_API_URL", "KEYROTA_GITHUB_SECRET_TYPES"]
  of_events   = ["KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY"]
  of_callers  = ["KEYROTA_ROTATE_KEYS_URL"]
  not_for_all = concat(local.of_notices, local.of_github, local.of_events, local.of_callers)

  settings_of = {
    "rotate-keys"           = local.of_notices
    "respond-to-compromise" = concat(local.of_notices, local.of_github, local.of_events, local.of_callers)
    "handle-secret-event"   = concat(local.of_events, local.of_callers)
    "check-expiry"          = local.of_notices
    "show-report"           = []
  }

  notice_secrets = ["KEYROTA_NOTICE_SLACK_URL", "KEYROTA_NOTICE_WEBHOOK_SECRET", "KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS"]
  event_secrets  = ["KEYROTA_EVENT_NOTIFICATIONS_SECRET", "KEYROTA_EVENT_NOTIFICATIONS_SECRET_PREVIOUS"]
  trigger_tokens = ["KEYROTA_TRIGGER_TOKEN", "KEYROTA_TRIGGER_TOKEN_PREVIOUS"]

  secrets_of = {
    "rotate-keys" = concat(local.trigger_tokens, local.notice_secrets)
    "respond-to-compromise" = concat(["KEYROTA_TRIGGER_TOKEN"], local.notice_secrets, local.event_secrets, [
      "KEYROTA_GITGUARDIAN_SECRET",
      "KEYROTA_GITGUARDIAN_SECRET_PREVIOUS",
      "KEYROTA_GITHUB_SECRET",
      "KEYROTA_GITHUB_SECRET_PREVIOUS",
      "KEYROTA_GITHUB_TOKEN",
      "KEYROTA_INCIDENT_SECRET",
      "KEYROTA_INCIDENT_SECRET_PREVIOUS",
    ])
    "handle-secret-event" = concat(["KEYROTA_TRIGGER_TOKEN"], local.event_secrets)
    "check-expiry"        = concat(local.trigger_tokens, local.notice_secrets)
    "show-report"         = ["KEYROTA_REPORT_TOKEN", "KEYROTA_REPORT_TOKEN_PREVIOUS"]
  }

  # Which secrets there are is no secret.
  given_secrets = nonsensitive(keys(var.secrets))
  given_secrets_of = {
    for name in var.functions : name => [for secret in local.secrets_of[name] : secret if contains(local.given_secrets, secret)]
  }

  # Keyrota knows by these which changes of secrets are its own.
  own_iam_ids = join(",", [for name, profile in ibm_iam_trusted_profile.this : profile.iam_id if contains(local.changing, name)])
  changing    = ["rotate-keys", "respond-to-compromise", "check-expiry"]

  # What a function has beside the common settings.
  own_settings = {
    for name in var.functions : name => merge(
      { KEYROTA_PROFILE_ID = ibm_iam_trusted_profile.this[name].id },
      name == "handle-secret-event" ? { KEYROTA_OWN_IAM_IDS = local.own_iam_ids } : {},
      { for setting in local.settings_of[name] : setting => var.settings[setting] if contains(keys(var.settings), setting) },
    )
  }
}

# What all functions are told alike.
resource "ibm_code_engine_config_map" "settings" {
  project_id = local.project_id
  name       = "${local.prefix}keyrota-settings"
  data = merge(
    {
      KEYROTA_ACCOUNT_ID          = local.account_id
      KEYROTA_LOGIN               = "trusted-profile"
      KEYROTA_SECRETS_MANAGER_URL = "https://${local.secrets_manager_id}.${local.secrets_manager_host}.secrets-manager.appdomain.cloud"
      KEYROTA_TIMER_MINUTES       = tostring(local.told_minutes)
    },
    var.manifest_is_packed ? {} : { KEYROTA_MANIFEST = local.manifest_json },
    { for name, value in var.settings : name => value if !contains(local.not_for_all, name) },
  )

  lifecycle {
    precondition {
      condition     = alltrue([for severity in values(try(local.manifest.check.rules, {})) : !can(tobool(severity))])
      error_message = "check.rules: write 'off' in quotes. Terraform reads YAML 1.1, where off without quotes is not a word but false."
    }

    precondition {
      condition     = !contains(local.given_secrets, "KEYROTA_NOTICE_WEBHOOK_SECRET") || contains(keys(var.settings), "KEYROTA_NOTICE_WEBHOOK_URL")
      error_message = "KEYROTA_NOTICE_WEBHOOK_SECRET is of no use without KEYROTA_NOTICE_WEBHOOK_URL in settings: the functions would refuse it."
    }
    precondition {
      condition = (
        contains(keys(var.settings), "KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL") ==
        contains(keys(var.settings), "KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE")
      )
      error_message = "KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL and KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE are of no use without each other."
    }

    # An environment string holds 128 KiB: `KEYROTA_MANIFEST=` and the closing zero byte are part of it.
    precondition {
      condition     = var.manifest_is_packed ? true : length(base64encode(local.manifest_json)) <= 174740
      error_message = "The manifest is longer than the 131,054 bytes that an environment variable holds. Pack it into the bundles, and set manifest_is_packed."
    }
  }
}

# A secret for each function, with what that one has a use for.
resource "ibm_code_engine_secret" "this" {
  for_each = { for name, secrets in local.given_secrets_of : name => secrets if length(secrets) > 0 }

  project_id = local.project_id
  name       = "${local.prefix}keyrota-${each.key}"
  format     = "generic"
  data       = { for name in each.value : name => var.secrets[name] }
}
