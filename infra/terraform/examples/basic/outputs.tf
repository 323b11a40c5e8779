output "project_id" {
  description = "Id of the Code Engine project: `npm run push-bundles` brings the code to it."
  value       = module.keyrota.project_id
}

output "function_urls" {
  description = "Addresses of the functions."
  value       = module.keyrota.function_urls
}
