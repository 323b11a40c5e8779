output "project_id" {
  description = "Id of the Code Engine project: `npm run push-bundles` brings the code to it."
  value       = module.keyrota.project_id
}

output "function_urls" {
  description = "Addresses of the functions."
  value       = module.keyrota.function_urls
}

output "profile_ids" {
  description = "Ids of the trusted profiles of the functions: `npm run doctor` looks at what they may do."
  value       = module.keyrota.profile_ids
}

output "secrets_manager_crn" {
  description = "CRN of the Secrets Manager instance."
  value       = module.keyrota.secrets_manager_crn
}

output "project_crn" {
  description = "CRN of the Code Engine project."
  value       = module.keyrota.project_crn
}

output "function_names" {
  description = "Names of the functions in the project."
  value       = module.keyrota.function_names
}
