# Functions write to standard output. Where the region's platform logs go nowhere yet, this brings them to Cloud Logs.
locals {
  routes_logs   = var.existing_cloud_logs_crn != null
  cloud_logs_id = local.routes_logs ? split(":", var.existing_cloud_logs_crn)[7] : null
}

resource "ibm_iam_authorization_policy" "routing_to_cloud_logs" {
  count = local.routes_logs ? 1 : 0

  source_service_name         = "logs-router"
  target_service_name         = "logs"
  target_resource_instance_id = local.cloud_logs_id
  roles                       = ["Sender"]
}

resource "ibm_logs_router_target" "this" {
  count = local.routes_logs ? 1 : 0

  name            = "${local.prefix}keyrota-${local.deployment}"
  destination_crn = var.existing_cloud_logs_crn

  depends_on = [ibm_iam_authorization_policy.routing_to_cloud_logs]
}

resource "ibm_logs_router_route" "this" {
  count = local.routes_logs ? 1 : 0

  name = "${local.prefix}keyrota-${local.deployment}"

  rules {
    action = "send"

    targets {
      id          = ibm_logs_router_target.this[0].id
      crn         = ibm_logs_router_target.this[0].crn
      name        = ibm_logs_router_target.this[0].name
      target_type = "cloud_logs"
    }

    inclusion_filters {
      operand  = "location"
      operator = "is"
      values   = [split(":", local.project_crn)[5]]
    }
  }
}
