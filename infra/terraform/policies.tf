locals {
  # Of what a policy may name, it has nothing unless it is said.
  anywhere = { service = null, service_type = null, instance = null, resource_type = null, resource = null }

  rotates  = ["rotate-keys"]
  responds = setintersection(var.functions, ["respond-to-compromise"])
  checks   = setintersection(var.functions, ["check-expiry"])
  reports  = setintersection(var.functions, ["show-report"])
  keepers  = concat(local.rotates, tolist(local.responds))

  # Values, versions, marks and locks, in the groups of the manifest. Who responds to leaks leaves the ledger alone.
  on_secrets = merge([
    for function in local.keepers : {
      for group in function == "rotate-keys" ? local.secret_groups : local.entry_groups : "${function}/secrets/${group}" => merge(local.anywhere, {
        function      = function
        roles         = function == "rotate-keys" ? var.secrets_roles : ["Writer"]
        service       = "secrets-manager"
        instance      = local.secrets_manager_id
        resource_type = "secret-group"
        resource      = group
      })
    }
  ]...)

  # Keys of one service ID are made, disabled and deleted.
  on_service_ids = merge([
    for function in local.keepers : {
      for id in local.service_ids : "${function}/service-id/${id}" => merge(local.anywhere, {
        function      = function
        roles         = ["Operator"]
        service       = "iam-identity"
        resource_type = "serviceid"
        resource      = id
      })
    }
  ]...)

  # Lists of the keys of the account: of their metadata alone.
  on_key_lists = {
    for function in local.keepers : "${function}/key-lists" => merge(local.anywhere, {
      function = function
      roles    = ["API key reviewer"]
      service  = "iam-identity"
    }) if local.has_api_keys
  }

  # Whether the identity of an entry has the roles that its consumers need.
  on_grants = {
    for service in local.granted_services : "rotate-keys/policies/${service}" => merge(local.anywhere, {
      function = "rotate-keys"
      roles    = ["Viewer"]
      service  = service
    })
  }

  # Credentials and logging keys are made and deleted on their instances.
  on_instances = {
    for guid, instance in local.instances : "rotate-keys/instance/${guid}" => merge(local.anywhere, {
      function = "rotate-keys"
      roles    = concat(["Operator"], instance.service_roles)
      service  = instance.service
      instance = guid
    })
  }

  # For those who want more than the least.
  on_all_service_ids = {
    for function in local.keepers : "${function}/all-service-ids" => merge(local.anywhere, {
      function      = function
      roles         = ["Operator"]
      service       = "iam-identity"
      resource_type = "serviceid"
    }) if var.disable_credential_keys
  }
  on_user_keys = {
    for function in local.responds : "${function}/user-keys" => merge(local.anywhere, {
      function = function
      roles    = ["Administrator"]
      service  = "iam-identity"
    }) if var.contain_user_keys
  }

  # The check looks at the whole account, and changes nothing but the ledger.
  on_account = merge([
    for function in local.checks : {
      "${function}/identities" = merge(local.anywhere, {
        function = function
        roles    = var.check_identity_roles
        service  = "iam-identity"
      })
      "${function}/services" = merge(local.anywhere, { function = function, roles = ["Viewer"], service_type = "service" })
      "${function}/users"    = merge(local.anywhere, { function = function, roles = ["Viewer"], service = "user-management" })
      "${function}/secrets" = merge(local.anywhere, {
        function = function
        roles    = ["Reader"]
        service  = "secrets-manager"
        instance = local.secrets_manager_id
      })
      "${function}/ledger" = merge(local.anywhere, {
        function      = function
        roles         = ["Writer"]
        service       = "secrets-manager"
        instance      = local.secrets_manager_id
        resource_type = "secret-group"
        resource      = local.ledger_group
      })
    }
  ]...)

  # The report looks at the secrets and the keys of the manifest. It reads one value, that of the ledger.
  on_reports = merge([
    for function in local.reports : merge(
      {
        for group in local.secret_groups : "${function}/secrets/${group}" => merge(local.anywhere, {
          function      = function
          roles         = group == local.ledger_group || contains(local.readable_logins, group) ? ["SecretsReader"] : ["Reader"]
          service       = "secrets-manager"
          instance      = local.secrets_manager_id
          resource_type = "secret-group"
          resource      = group
        })
      },
      {
        for service in local.has_api_keys ? ["iam-identity"] : [] : "${function}/key-lists" => merge(local.anywhere, {
          function = function
          roles    = ["API key reviewer"]
          service  = service
        })
      },
      {
        for guid, instance in local.instances : "${function}/instance/${guid}" => merge(local.anywhere, {
          function = function
          roles    = ["Viewer"]
          service  = instance.service
          instance = guid
        }) if contains(instance.kinds, "service-credential")
      },
    )
  ]...)

  # Keys of users show to whoever logs in as the user.
  readable_logins = var.read_user_logins ? local.login_groups : toset([])
  on_logins = merge([
    for function in local.checks : {
      for group in setsubtract(local.readable_logins, [local.ledger_group]) : "${function}/logins/${group}" => merge(local.anywhere, {
        function      = function
        roles         = ["SecretsReader"]
        service       = "secrets-manager"
        instance      = local.secrets_manager_id
        resource_type = "secret-group"
        resource      = group
      })
    }
  ]...)

  # Notices by way of Event Notifications.
  notice_instance = try(split("/", var.settings["KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL"])[6], null)
  on_notices = {
    for function in setintersection(var.functions, local.notified) : "${function}/notices" => merge(local.anywhere, {
      function = function
      roles    = ["Event Notification Publisher"]
      service  = "event-notifications"
      instance = local.notice_instance
    }) if local.notice_instance != null
  }

  policies = merge(
    local.on_secrets,
    local.on_service_ids,
    local.on_key_lists,
    local.on_grants,
    local.on_instances,
    local.on_all_service_ids,
    local.on_user_keys,
    local.on_account,
    local.on_reports,
    local.on_logins,
    local.on_notices,
  )
}

resource "ibm_iam_trusted_profile_policy" "this" {
  for_each = local.policies

  iam_id      = ibm_iam_trusted_profile.this[each.value.function].iam_id
  roles       = each.value.roles
  description = "Keyrota (${local.deployment}): ${each.key}"

  resources {
    service              = each.value.service
    service_type         = each.value.service_type
    resource_instance_id = each.value.instance
    resource_type        = each.value.resource_type
    resource             = each.value.resource
  }

  lifecycle {
    precondition {
      condition     = each.value.service != null || each.value.service_type != null
      error_message = "The service of the instance in ${each.key} is not known: name the instance by its CRN in the manifest, or its service in instance_services."
    }
  }
}
