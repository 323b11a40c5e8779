# What the manifest says, as far as access follows from it: so a new entry needs nothing but an apply.
locals {
  manifest      = yamldecode(file(var.manifest_file))
  deployment    = local.manifest.deployment
  manifest_json = jsonencode(local.manifest)

  # Entries that have keys.
  entries = { for entry in local.manifest.keys : entry.name => entry if entry.kind != "trusted-profile" }

  ledger_group  = try(local.manifest.ledger.group, "default")
  entry_groups  = toset([for entry in local.entries : try(entry.secret.group, "default")])
  secret_groups = setunion(local.entry_groups, [local.ledger_group])

  # Groups that hold the keys by which Keyrota logs in as users.
  login_groups = toset([
    for entry in local.entries : try(entry.secret.group, "default") if entry.kind == "user-api-key" && try(entry.login, null) == null
  ])

  has_api_keys = anytrue([for entry in local.entries : contains(["service-id-api-key", "user-api-key"], entry.kind)])

  # Service IDs whose keys are rotated. One that is not provisioned yet has none.
  service_ids = toset(concat(
    compact([for entry in local.entries : try(entry.serviceId, "")]),
    # A credential of a service ID that exists ends with a key of that one.
    compact([for entry in local.entries : try(element(reverse(split(":", entry.parameters.serviceid_crn)), 0), "")]),
  ))

  # Services on which an identity must have a role before a key is made: Keyrota looks at its policies there.
  granted_services = toset(flatten([for entry in local.entries : [for grant in try(entry.grants, []) : grant.service]]))

  # Instances whose keys are rotated, by GUID.
  instance_entries = {
    for entry in local.entries : element(split(":", "${entry.instance}:::::::${entry.instance}"), 7) => entry...
    if contains(["service-credential", "logging-key"], entry.kind)
  }
  instances = {
    for guid, entries in local.instance_entries : guid => {
      kinds   = distinct([for entry in entries : entry.kind])
      service = try(split(":", entries[0].instance)[4], var.instance_services[guid], null)
      # Who makes a credential needs its role, or a higher one. A role that is given by its CRN goes by the end of that.
      service_roles = distinct(flatten([
        for entry in entries : entry.kind == "logging-key" ? ["Manager"] : [
          for role in compact([try(entry.role, "")]) : element(reverse(split(":", role)), 0) if role != "NONE"
        ]
      ]))
    }
  }
}
