variable "ibmcloud_api_key" {
  type        = string
  description = "API key that Terraform logs in with. Null takes that of the environment, IC_API_KEY."
  default     = null
  sensitive   = true
}

variable "region" {
  type        = string
  description = "Region of the Code Engine project."
  default     = "eu-de"
}

variable "resource_group_id" {
  type        = string
  description = "Id of the resource group for the Code Engine project."
}

variable "manifest_file" {
  type        = string
  description = "Path of the manifest."
}

variable "existing_secrets_manager_crn" {
  type        = string
  description = "CRN of the Secrets Manager instance that holds the keys."
}

variable "trigger_token" {
  type        = string
  description = "Bearer token of callers that target or force: `openssl rand -hex 32`."
  sensitive   = true
}

variable "report_token" {
  type        = string
  description = "What readers of the report log in with: `openssl rand -hex 32`."
  sensitive   = true
}

variable "incident_secret" {
  type        = string
  description = "Key of reports of leaks: `echo \"whsec_$(openssl rand -base64 32)\"`."
  sensitive   = true
}
