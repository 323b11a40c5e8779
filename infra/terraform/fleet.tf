# The job for fleets: the same work as that of rotate-keys, by the same rights, shared out among instances. docs/fleets.md tells when.
locals {
  fleet_cron = var.fleet_shards > 0 && var.fleet_timer == "code-engine" ? [
    "${local.job_name}-timer|${local.job_name}|${var.fleet_minutes == 60 ? "0" : "*/${var.fleet_minutes}"} * * * *|job",
  ] : []

  # Where the job is the only one with a timer, a run is late by its measure, for the daily check and the report as well.
  told_minutes = var.rotate_timer == "none" && var.fleet_shards > 0 ? var.fleet_minutes : var.timer_minutes

  job_name    = "${local.prefix}rotate-keys-job"
  job_seconds = tonumber(lookup(var.settings, "KEYROTA_JOB_SECONDS", "3000"))

  # Nobody calls it, so it needs no token of callers.
  job_secrets = [for name in local.notice_secrets : name if contains(local.given_secrets, name)]

  job_settings = merge(
    local.own_settings["rotate-keys"],
    {
      KEYROTA_SHARDS        = tostring(var.fleet_shards)
      KEYROTA_TIMER_MINUTES = tostring(var.fleet_minutes)
    },
  )
}

resource "ibm_code_engine_job" "fleet" {
  count = var.fleet_shards > 0 ? 1 : 0

  project_id = local.project_id
  name       = local.job_name
  # It has no /keyrota, so that a run fails until `npm run push-bundles -- --job` has brought the image.
  image_reference                    = "node:24-slim"
  run_commands                       = ["node", "--optimize-for-size", "--max-semi-space-size=2", "/keyrota/main.js"]
  run_mode                           = "task"
  run_compute_resource_token_enabled = true
  scale_array_spec                   = var.fleet_shards == 1 ? "0" : "0-${var.fleet_shards - 1}"
  scale_cpu_limit                    = "0.25"
  scale_memory_limit                 = "1G"
  # A job ends by itself before, and its last words take less than a minute.
  scale_max_execution_time = max(7200, local.job_seconds + 600)
  # What a run could not do, the next one does; only where nothing could be done, or the instance died, one more try is worth it.
  scale_retry_limit = 1

  run_env_variables {
    type      = "config_map_full_reference"
    reference = ibm_code_engine_config_map.settings.name
  }

  dynamic "run_env_variables" {
    for_each = local.job_secrets
    content {
      type      = "secret_key_reference"
      name      = run_env_variables.value
      reference = ibm_code_engine_secret.this["rotate-keys"].name
      key       = run_env_variables.value
    }
  }

  dynamic "run_env_variables" {
    for_each = local.job_settings
    content {
      type  = "literal"
      name  = run_env_variables.key
      value = run_env_variables.value
    }
  }

  # The code comes by `npm run push-bundles -- --job`.
  lifecycle {
    ignore_changes = [image_reference, image_secret]

    precondition {
      condition     = var.fleet_shards <= tonumber(lookup(var.settings, "KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND", "20"))
      error_message = "Each shard needs a call a second to Secrets Manager: have fewer shards, or raise KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND in settings."
    }
  }
}

# The job of that name in that project logs in as the function does whose work it shares.
resource "ibm_iam_trusted_profile_link" "fleet" {
  count = var.fleet_shards > 0 ? 1 : 0

  profile_id = ibm_iam_trusted_profile.this["rotate-keys"].id
  cr_type    = "CE"
  name       = local.job_name

  link {
    crn            = local.project_crn
    component_type = "job"
    component_name = ibm_code_engine_job.fleet[0].name
  }
}
