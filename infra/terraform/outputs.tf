output "project_id" {
  description = "Id of the Code Engine project."
  value       = local.project_id
}

output "project_crn" {
  description = "CRN of the Code Engine project."
  value       = local.project_crn
}

output "function_names" {
  description = "Names of the functions in the project, by what they are called in Keyrota."
  value       = local.function_names
}

output "job_name" {
  description = "Name of the job for fleets in the project; null where there is none."
  value       = var.fleet_shards > 0 ? ibm_code_engine_job.fleet[0].name : null
}

output "function_urls" {
  description = "Addresses of the functions. Those of rotate-keys and check-expiry answer within the project only."
  value = {
    for name, function in local.functions : name => local.shapes[name].visibility == "local" ? function.endpoint_internal : function.endpoint
  }
}

output "profile_ids" {
  description = "Ids of the trusted profiles that the functions log in as."
  value       = { for name, profile in ibm_iam_trusted_profile.this : name => profile.id }
}

output "policies" {
  description = "What each function may do, by the names that the policies have in their descriptions."
  value       = { for name, policy in local.policies : name => policy.roles }
}

output "secrets_manager_crn" {
  description = "CRN of the Secrets Manager instance."
  value       = local.secrets_manager_crn
}

output "secret_group_ids" {
  description = "Ids of the secret groups that the module made, by name: the manifest names groups by their ids."
  value       = { for name, group in ibm_sm_secret_group.this : name => group.secret_group_id }
}

output "event_notifications_crn" {
  description = "CRN of the Event Notifications instance; null where none is used."
  value       = local.event_notifications_crn
}
