variable "ibmcloud_api_key" {
  type        = string
  description = "API key that Terraform logs in with. Null takes that of the environment, IC_API_KEY."
  default     = null
  sensitive   = true
}

variable "region" {
  type        = string
  description = "Region of everything that is made."
  default     = "eu-de"
}

variable "prefix" {
  type        = string
  description = "Begin of all names."
  default     = "platform"
}

variable "resource_group_id" {
  type        = string
  description = "Id of the resource group for everything that is made."
}

variable "manifest_file" {
  type        = string
  description = "Path of the manifest."
}

variable "existing_project_crn" {
  type        = string
  description = "CRN of a Code Engine project. Null makes one."
  default     = null
}

variable "existing_secrets_manager_crn" {
  type        = string
  description = "CRN of a Secrets Manager instance. Null makes one."
  default     = null
}

variable "existing_event_notifications_crn" {
  type        = string
  description = "CRN of an Event Notifications instance. Null makes one."
  default     = null
}

variable "existing_cloud_logs_crn" {
  type        = string
  description = "CRN of the Cloud Logs instance that takes the logs, and whose alerts report leaks."
}

variable "notice_url" {
  type        = string
  description = "Where notices are posted to."
}

variable "secrets" {
  type        = map(string)
  description = "Secret settings by their names, as docs/settings.md has them: KEYROTA_TRIGGER_TOKEN, KEYROTA_REPORT_TOKEN, KEYROTA_EVENT_NOTIFICATIONS_SECRET, KEYROTA_NOTICE_WEBHOOK_SECRET and those of senders."
  sensitive   = true
}

variable "github_secret_name" {
  type        = string
  description = "Name of a secret in the Code Engine project with KEYROTA_GITHUB_SECRET and KEYROTA_GITHUB_TOKEN. It was made by the CLI, and is in no Terraform state."
}
