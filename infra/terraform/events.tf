locals {
  brings_changes = var.enable_events && contains(var.functions, "handle-secret-event")
  brings_leaks   = length(var.leak_event_sources) > 0 && contains(var.functions, "respond-to-compromise")
  ticks          = var.rotate_timer == "event-notifications"
  uses_events    = local.brings_changes || local.brings_leaks || local.ticks
  makes_events   = local.uses_events && var.existing_event_notifications_crn == null

  event_notifications_crn = local.makes_events ? ibm_resource_instance.event_notifications[0].id : var.existing_event_notifications_crn
  event_notifications_id  = local.uses_events ? split(":", local.event_notifications_crn)[7] : null

  # Where events go, and what with.
  event_token = local.uses_events ? "Bearer ${lookup(var.secrets, "KEYROTA_EVENT_NOTIFICATIONS_SECRET", "")}" : null
  destinations = merge(
    local.brings_changes ? { changes = { function = "handle-secret-event", path = "" } } : {},
    local.brings_leaks ? { leaks = { function = "respond-to-compromise", path = "/event-notifications" } } : {},
    local.ticks ? { timer = { function = "handle-secret-event", path = "/timer" } } : {},
  )
  event_topics = {
    changes = local.brings_changes ? ibm_en_topic.changes[0].topic_id : null
    leaks   = local.brings_leaks ? ibm_en_topic.leaks[0].topic_id : null
    timer   = local.ticks ? ibm_en_topic.timer[0].topic_id : null
  }
}

resource "ibm_resource_instance" "event_notifications" {
  count = local.makes_events ? 1 : 0

  name              = "${local.prefix}keyrota-${local.deployment}-events"
  service           = "event-notifications"
  plan              = var.event_notifications_plan
  location          = var.region
  resource_group_id = var.resource_group_id
}

resource "ibm_iam_authorization_policy" "secrets_manager_to_events" {
  count = local.brings_changes && var.register_secrets_manager ? 1 : 0

  source_service_name         = "secrets-manager"
  source_resource_instance_id = local.secrets_manager_id
  target_service_name         = "event-notifications"
  target_resource_instance_id = local.event_notifications_id
  roles                       = ["Event Source Manager"]
}

resource "ibm_sm_en_registration" "this" {
  count = local.brings_changes && var.register_secrets_manager ? 1 : 0

  instance_id                            = local.secrets_manager_id
  region                                 = local.secrets_manager_region
  endpoint_type                          = var.secrets_manager_endpoint
  event_notifications_instance_crn       = local.event_notifications_crn
  event_notifications_source_name        = "${local.prefix}keyrota-${local.deployment}-secrets"
  event_notifications_source_description = "Changes of secrets that Keyrota manages (${local.deployment})."

  depends_on = [ibm_iam_authorization_policy.secrets_manager_to_events]
}

# Every change of a secret: the function leaves alone what is none of its business.
resource "ibm_en_topic" "changes" {
  count = local.brings_changes ? 1 : 0

  instance_guid = local.event_notifications_id
  name          = "${local.prefix}keyrota-${local.deployment}-changes"
  description   = "Changes of secrets."

  sources {
    id = local.secrets_manager_crn

    rules {
      enabled           = true
      event_type_filter = "$.*"
    }
  }

  depends_on = [ibm_sm_en_registration.this]
}

resource "ibm_en_topic" "leaks" {
  count = local.brings_leaks ? 1 : 0

  instance_guid = local.event_notifications_id
  name          = "${local.prefix}keyrota-${local.deployment}-leaks"
  description   = "Reports of leaked keys."

  dynamic "sources" {
    for_each = var.leak_event_sources
    content {
      id = sources.value

      rules {
        enabled           = true
        event_type_filter = "$.*"
      }
    }
  }
}

resource "ibm_en_destination_webhook" "this" {
  for_each = local.destinations

  instance_guid = local.event_notifications_id
  name          = "${local.prefix}keyrota-${local.deployment}-${each.key}"
  description   = "The function ${each.value.function} of Keyrota."
  type          = "webhook"

  config {
    params {
      verb              = "POST"
      url               = "${trimsuffix(local.functions[each.value.function].endpoint, "/")}${each.value.path}"
      custom_headers    = { Authorization = local.event_token }
      sensitive_headers = ["Authorization"]
    }
  }

  lifecycle {
    precondition {
      condition     = contains(local.given_secrets, "KEYROTA_EVENT_NOTIFICATIONS_SECRET")
      error_message = "Event Notifications proves itself by KEYROTA_EVENT_NOTIFICATIONS_SECRET: put it into secrets."
    }
  }
}

resource "ibm_en_subscription_webhook" "this" {
  for_each = local.destinations

  instance_guid  = local.event_notifications_id
  name           = "${local.prefix}keyrota-${local.deployment}-${each.key}"
  description    = "Brings events to the function ${each.value.function} of Keyrota."
  destination_id = ibm_en_destination_webhook.this[each.key].destination_id
  topic_id       = local.event_topics[each.key]

  attributes {
    signing_enabled = false
  }
}
