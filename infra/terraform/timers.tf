locals {
  every = var.timer_minutes == 1 ? "*" : var.timer_minutes == 60 ? "0" : "*/${var.timer_minutes}"

  # Code Engine's cron: weekdays 0-6, months 1-12.
  cron = merge(
    var.rotate_timer == "code-engine" ? {
      "rotate-keys" = "${local.every} * * * *"
    } : {},
    var.check_timer == "code-engine" && contains(var.functions, "check-expiry") ? { "check-expiry" = var.check_schedule } : {},
  )

  # One line for each timer: the name of the subscription, that of the function, and the schedule; for a job, that it is one.
  cron_lines = concat(
    [for name, schedule in local.cron : "${local.function_names[name]}-timer|${local.function_names[name]}|${schedule}"],
    local.fleet_cron,
  )
  subscriptions = {
    region  = split(":", local.project_crn)[5]
    project = local.project_id
    timers  = join("\n", local.cron_lines)
  }
}

# Terraform has no resource for Code Engine's cron: the CLI `ibmcloud` with its plugin `code-engine` sets it up. It must be logged in to
# the account and the region, or find an API key in IBMCLOUD_API_KEY.
resource "terraform_data" "timers" {
  count = length(local.cron_lines) > 0 ? 1 : 0

  input            = local.subscriptions
  triggers_replace = local.subscriptions

  provisioner "local-exec" {
    command     = "sh \"$SCRIPT\" create"
    interpreter = ["sh", "-c"]
    environment = {
      SCRIPT  = "${path.module}/scripts/timers.sh"
      REGION  = self.input.region
      PROJECT = self.input.project
      TIMERS  = self.input.timers
    }
  }

  provisioner "local-exec" {
    when        = destroy
    command     = "sh \"$SCRIPT\" delete"
    interpreter = ["sh", "-c"]
    environment = {
      SCRIPT  = "${path.module}/scripts/timers.sh"
      REGION  = self.input.region
      PROJECT = self.input.project
      TIMERS  = self.input.timers
    }
  }

  depends_on = [
    ibm_code_engine_function.rotate_keys,
    ibm_code_engine_function.others,
    ibm_code_engine_job.fleet,
    ibm_iam_trusted_profile_link.this,
    ibm_iam_trusted_profile_link.fleet,
    ibm_iam_trusted_profile_policy.this,
  ]
}

# The periodic timer of Event Notifications gives a call 10 s, and repeats it: so it does not call rotate-keys, which works for minutes,
# but handle-secret-event, which answers within 8 s and starts rotate-keys.
data "ibm_en_sources" "this" {
  count = local.ticks ? 1 : 0

  instance_guid = local.event_notifications_id
}

resource "ibm_en_topic" "timer" {
  count = local.ticks ? 1 : 0

  instance_guid = local.event_notifications_id
  name          = "${local.prefix}keyrota-${local.deployment}-timer"
  description   = "Calls rotate-keys every ${var.timer_minutes} minutes."

  sources {
    id = one([for source in data.ibm_en_sources.this[0].sources : source.id if source.type == "periodic-timer"])

    rules {
      enabled           = true
      event_type_filter = "$.*"

      # Event Notifications counts otherwise than Code Engine: months 0-11, weekdays 1-7, and `?` for any day.
      event_schedule_filter {
        expression = "${local.every} * * * ?"
      }
    }
  }

  lifecycle {
    precondition {
      condition     = contains(var.functions, "handle-secret-event")
      error_message = "The timer of Event Notifications calls handle-secret-event: it must be one of the functions."
    }
    precondition {
      condition     = contains(local.given_secrets, "KEYROTA_TRIGGER_TOKEN")
      error_message = "handle-secret-event starts rotate-keys with KEYROTA_TRIGGER_TOKEN: put it into secrets."
    }
  }
}
