locals {
  # The webhooks answer within 10 s and the report within 20; the others end by themselves before Code Engine ends them.
  shapes = {
    "rotate-keys"           = { visibility = "local", seconds = 120 }
    "respond-to-compromise" = { visibility = "local_public", seconds = 60 }
    "handle-secret-event"   = { visibility = "local_public", seconds = 60 }
    "check-expiry"          = { visibility = "local", seconds = 120 }
    "show-report"           = { visibility = var.report_visibility, seconds = 60 }
  }

  function_names = { for name in var.functions : name => "${local.prefix}${name}" }

  secret_references = {
    for name in var.functions : name => concat(
      contains(keys(ibm_code_engine_secret.this), name) ? [ibm_code_engine_secret.this[name].name] : [],
      contains(keys(var.existing_secret_names), name) ? [var.existing_secret_names[name]] : [],
    )
  }

  # It answers 503 until `npm run push-bundles` has brought the code.
  placeholder = format("data:text/plain;base64,%s", filebase64("${path.module}/placeholder.cjs"))

  functions = merge({ "rotate-keys" = ibm_code_engine_function.rotate_keys }, ibm_code_engine_function.others)
}

# By itself, because the others are told its address.
resource "ibm_code_engine_function" "rotate_keys" {
  project_id                         = local.project_id
  name                               = local.function_names["rotate-keys"]
  runtime                            = "nodejs-24"
  code_reference                     = local.placeholder
  managed_domain_mappings            = local.shapes["rotate-keys"].visibility
  run_compute_resource_token_enabled = true
  scale_concurrency                  = 1
  scale_cpu_limit                    = "0.25"
  scale_memory_limit                 = "1G"
  scale_down_delay                   = 1
  scale_max_execution_time           = local.shapes["rotate-keys"].seconds

  run_env_variables {
    type      = "config_map_full_reference"
    reference = ibm_code_engine_config_map.settings.name
  }

  dynamic "run_env_variables" {
    for_each = local.secret_references["rotate-keys"]
    content {
      type      = "secret_full_reference"
      reference = run_env_variables.value
    }
  }

  dynamic "run_env_variables" {
    for_each = local.own_settings["rotate-keys"]
    content {
      type  = "literal"
      name  = run_env_variables.key
      value = run_env_variables.value
    }
  }

  # The code comes by `npm run push-bundles`.
  lifecycle {
    ignore_changes = [code_reference, code_secret, code_binary]
  }
}

resource "ibm_code_engine_function" "others" {
  for_each = setsubtract(var.functions, ["rotate-keys"])

  project_id                         = local.project_id
  name                               = local.function_names[each.key]
  runtime                            = "nodejs-24"
  code_reference                     = local.placeholder
  managed_domain_mappings            = local.shapes[each.key].visibility
  run_compute_resource_token_enabled = true
  scale_concurrency                  = 1
  scale_cpu_limit                    = "0.25"
  scale_memory_limit                 = "1G"
  scale_down_delay                   = 1
  scale_max_execution_time           = local.shapes[each.key].seconds

  run_env_variables {
    type      = "config_map_full_reference"
    reference = ibm_code_engine_config_map.settings.name
  }

  dynamic "run_env_variables" {
    for_each = local.secret_references[each.key]
    content {
      type      = "secret_full_reference"
      reference = run_env_variables.value
    }
  }

  dynamic "run_env_variables" {
    for_each = merge(
      contains(local.settings_of[each.key], "KEYROTA_ROTATE_KEYS_URL") ? { KEYROTA_ROTATE_KEYS_URL = ibm_code_engine_function.rotate_keys.endpoint_internal } : {},
      local.own_settings[each.key],
    )
    content {
      type  = "literal"
      name  = run_env_variables.key
      value = run_env_variables.value
    }
  }

  lifecycle {
    ignore_changes = [code_reference, code_secret, code_binary]
  }
}
