# A trusted profile for each function. A function has no key that could leak.
resource "ibm_iam_trusted_profile" "this" {
  for_each = var.functions

  name        = "${local.prefix}keyrota-${local.deployment}-${each.key}"
  description = "What the function ${each.key} of Keyrota may do (${local.deployment})."
}

# The function of that name in that project, and nothing else, may log in as it.
resource "ibm_iam_trusted_profile_link" "this" {
  for_each = var.functions

  profile_id = ibm_iam_trusted_profile.this[each.key].id
  cr_type    = "CE"
  name       = "${local.prefix}${each.key}"

  link {
    crn            = local.project_crn
    component_type = "function"
    component_name = local.functions[each.key].name
  }
}
