variable "region" {
  type        = string
  description = "Region of the Code Engine project, and of every instance that the module makes, for example `eu-de`."

  validation {
    condition     = can(regex("^[a-z]{2}-[a-z]{2,6}(-[0-9])?$", var.region))
    error_message = "The region must look like eu-de, us-south or ca-tor."
  }
}

variable "manifest_file" {
  type        = string
  description = "Path of the manifest, in YAML or JSON. The policies of the functions follow from it. Check it first with `npm run keyrota -- validate FILE`."
}

variable "manifest_is_packed" {
  type        = bool
  description = "Whether the bundles hold the manifest (`npm run build -- --manifest FILE`). Otherwise the functions get it from the configuration, where it may have 131,054 bytes at most."
  default     = false
  nullable    = false
}

variable "prefix" {
  type        = string
  description = "Begin of the names of everything that the module makes, for several installations in one account. Null for none."
  default     = null

  validation {
    condition = var.prefix == null ? true : (
      can(regex("^[a-z][-a-z0-9]*[a-z0-9]$", var.prefix)) && !strcontains(var.prefix, "--") && length(var.prefix) <= 16
    )
    error_message = "The prefix must begin with a letter, have letters, digits and single dashes, end without a dash, and be 2 to 16 characters long."
  }
}

variable "resource_group_id" {
  type        = string
  description = "Id of the resource group for what the module makes. Null for the account's default group."
  default     = null
}

variable "functions" {
  type        = set(string)
  description = "Functions that are deployed. `rotate-keys` must be one of them."
  default     = ["rotate-keys", "respond-to-compromise", "handle-secret-event", "check-expiry", "show-report"]
  nullable    = false

  validation {
    condition = contains(var.functions, "rotate-keys") && alltrue([
      for name in var.functions :
      contains(["rotate-keys", "respond-to-compromise", "handle-secret-event", "check-expiry", "show-report"], name)
    ])
    error_message = "The functions are rotate-keys, which is required, respond-to-compromise, handle-secret-event, check-expiry and show-report."
  }
}

variable "existing_project_crn" {
  type        = string
  description = "CRN of a Code Engine project to deploy to. Null makes one. It must be known when Terraform plans."
  default     = null

  validation {
    condition     = var.existing_project_crn == null ? true : can(regex("^crn:v1:[^:]+:[^:]+:codeengine:[^:]+:a/[0-9a-f]{32}:[0-9a-f-]{36}::$", var.existing_project_crn))
    error_message = "The project must be given by its CRN, crn:v1:…:codeengine:REGION:a/ACCOUNT:ID::."
  }
}

variable "report_visibility" {
  type        = string
  description = "Who reaches `show-report`: `local_public` is the internet, `local_private` the private network of IBM Cloud, `local` the project alone. It asks for KEYROTA_REPORT_TOKEN everywhere."
  default     = "local_public"
  nullable    = false

  validation {
    condition     = contains(["local_public", "local_private", "local"], var.report_visibility)
    error_message = "The visibility is local_public, local_private or local."
  }
}

variable "settings" {
  type        = map(string)
  description = "Further settings of Keyrota that are not secret, by their names (docs/settings.md). Each goes to the functions that have a use for it."
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for name in keys(var.settings) : contains([
        "KEYROTA_ALLOWED_TARGETS",
        "KEYROTA_CALL_TIMEOUT_SECONDS",
        "KEYROTA_CLASSIC_URL",
        "KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY",
        "KEYROTA_GITHUB_API_URL",
        "KEYROTA_GITHUB_SECRET_TYPES",
        "KEYROTA_IAM_URL",
        "KEYROTA_JOB_SECONDS",
        "KEYROTA_KEYS_AT_ONCE",
        "KEYROTA_LOG_LEVEL",
        "KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE",
        "KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL",
        "KEYROTA_NOTICE_WEBHOOK_URL",
        "KEYROTA_RESOURCE_CONTROLLER_URL",
        "KEYROTA_ROTATE_KEYS_URL",
        "KEYROTA_RUN_SECONDS",
        "KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND",
        "KEYROTA_SECRETS_MANAGER_URL",
        "KEYROTA_USER_MANAGEMENT_URL",
      ], name)
    ])
    error_message = "A setting is unknown, secret, or set by the module itself. The settings are in docs/settings.md; secret ones belong in `secrets`."
  }
}

variable "secrets" {
  type        = map(string)
  description = "Secret settings of Keyrota by their names (docs/settings.md): tokens and secrets of senders. They are made outside, and stand in the Terraform state. None of them is a key that Keyrota rotates."
  default     = {}
  nullable    = false
  sensitive   = true

  validation {
    condition = alltrue([
      for name in keys(var.secrets) : contains([
        "KEYROTA_EVENT_NOTIFICATIONS_SECRET",
        "KEYROTA_EVENT_NOTIFICATIONS_SECRET_PREVIOUS",
        "KEYROTA_GITGUARDIAN_SECRET",
        "KEYROTA_GITGUARDIAN_SECRET_PREVIOUS",
        "KEYROTA_GITHUB_SECRET",
        "KEYROTA_GITHUB_SECRET_PREVIOUS",
        "KEYROTA_GITHUB_TOKEN",
        "KEYROTA_INCIDENT_SECRET",
        "KEYROTA_INCIDENT_SECRET_PREVIOUS",
        "KEYROTA_NOTICE_SLACK_URL",
        "KEYROTA_NOTICE_WEBHOOK_SECRET",
        "KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS",
        "KEYROTA_REPORT_TOKEN",
        "KEYROTA_REPORT_TOKEN_PREVIOUS",
        "KEYROTA_TRIGGER_TOKEN",
        "KEYROTA_TRIGGER_TOKEN_PREVIOUS",
      ], name)
    ])
    error_message = "A secret is not one of Keyrota's secret settings. They are in docs/settings.md; KEYROTA_API_KEY is none, because functions log in as trusted profiles."
  }
}

variable "existing_secret_names" {
  type        = map(string)
  description = "Names of Code Engine secrets of the project that functions read as well, by function. What stands in them never comes into the Terraform state."
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in values(var.existing_secret_names) : can(regex("^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$", name))])
    error_message = "The name of a Code Engine secret has lower-case letters, digits, dots and dashes."
  }
}

variable "existing_secrets_manager_crn" {
  type        = string
  description = "CRN of the Secrets Manager instance that holds the keys. Null makes one. It must be known when Terraform plans."
  default     = null

  validation {
    condition     = var.existing_secrets_manager_crn == null ? true : can(regex("^crn:v1:[^:]+:[^:]+:secrets-manager:[^:]+:a/[0-9a-f]{32}:[0-9a-f-]{36}::$", var.existing_secrets_manager_crn))
    error_message = "Secrets Manager must be given by its CRN, crn:v1:…:secrets-manager:REGION:a/ACCOUNT:ID::."
  }
}

variable "secrets_manager_plan" {
  type        = string
  description = "Plan of the Secrets Manager instance, where the module makes it."
  default     = "standard"
  nullable    = false

  validation {
    condition     = contains(["standard", "trial"], var.secrets_manager_plan)
    error_message = "The plan is standard or trial."
  }
}

variable "secrets_manager_endpoint" {
  type        = string
  description = "Which address of Secrets Manager the functions call: `private` or `public`. New instances have a private one only."
  default     = "private"
  nullable    = false

  validation {
    condition     = contains(["private", "public"], var.secrets_manager_endpoint)
    error_message = "The endpoint is private or public."
  }
}

variable "secret_groups" {
  type        = set(string)
  description = "Names of secret groups that the module makes. Their ids, which the manifest needs, are in the output `secret_group_ids`."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.secret_groups : length(name) >= 2 && length(name) <= 64])
    error_message = "The name of a secret group is 2 to 64 characters long."
  }
}

variable "secrets_roles" {
  type        = list(string)
  description = "Roles of `rotate-keys` on the secret groups of the manifest. Writer is enough, but for moving locks of consumers off a leaked version: for that, add a custom role of yours with `secrets-manager.secret-version-locks.delete`."
  default     = ["Writer"]
  nullable    = false

  validation {
    condition     = length(var.secrets_roles) > 0
    error_message = "There must be a role."
  }
}

variable "instance_services" {
  type        = map(string)
  description = "Service of each instance that the manifest names by its GUID alone, for example `{ \"33333333-4444-4555-8666-777777777777\" = \"logs\" }`. A CRN tells it by itself."
  default     = {}
  nullable    = false
}

variable "disable_credential_keys" {
  type        = bool
  description = "Whether the API key behind an old or leaked service credential is disabled before the credential is deleted. Its service ID is not known before, so this takes Operator on all service IDs of the account."
  default     = false
  nullable    = false
}

variable "contain_user_keys" {
  type        = bool
  description = "Whether a leaked key of a user is disabled even where no other key of that user works. This takes Administrator on IAM Identity for `respond-to-compromise`."
  default     = false
  nullable    = false
}

variable "check_identity_roles" {
  type        = list(string)
  description = "Roles of `check-expiry` on IAM Identity. With Editor it sees the settings and limits of the account too, with Administrator the keys of users; both may do much more than look."
  default     = ["Viewer", "API key reviewer", "Service Configuration Reader"]
  nullable    = false

  validation {
    condition     = length(var.check_identity_roles) > 0
    error_message = "There must be a role."
  }
}

variable "read_user_logins" {
  type        = bool
  description = "Whether `check-expiry` and `show-report` log in as the users whose keys are rotated, to see those keys. This takes SecretsReader on the groups of their logins."
  default     = false
  nullable    = false
}

variable "enable_events" {
  type        = bool
  description = "Whether Event Notifications brings changes of secrets to `handle-secret-event`. Needs KEYROTA_EVENT_NOTIFICATIONS_SECRET in `secrets`."
  default     = false
  nullable    = false
}

variable "existing_event_notifications_crn" {
  type        = string
  description = "CRN of the Event Notifications instance. Null makes one where it is needed. It must be known when Terraform plans."
  default     = null

  validation {
    condition     = var.existing_event_notifications_crn == null ? true : can(regex("^crn:v1:[^:]+:[^:]+:event-notifications:[^:]+:a/[0-9a-f]{32}:[0-9a-f-]{36}::$", var.existing_event_notifications_crn))
    error_message = "Event Notifications must be given by its CRN, crn:v1:…:event-notifications:REGION:a/ACCOUNT:ID::."
  }
}

variable "event_notifications_plan" {
  type        = string
  description = "Plan of the Event Notifications instance, where the module makes it."
  default     = "lite"
  nullable    = false

  validation {
    condition     = contains(["lite", "standard"], var.event_notifications_plan)
    error_message = "The plan is lite or standard."
  }
}

variable "register_secrets_manager" {
  type        = bool
  description = "Whether the module connects Secrets Manager to Event Notifications. An instance has one such connection: say false where there is one already."
  default     = true
  nullable    = false
}

variable "leak_event_sources" {
  type        = set(string)
  description = "Sources of Event Notifications whose events report leaks, for example the CRN of a Cloud Logs instance with alerts. They are brought to `respond-to-compromise`."
  default     = []
  nullable    = false
}

variable "rotate_timer" {
  type        = string
  description = "What calls `rotate-keys`: `code-engine` is the cron of Code Engine, set up by the CLI `ibmcloud` where Terraform runs; `event-notifications` is its periodic timer, all in Terraform; `none` leaves it to you."
  default     = "code-engine"
  nullable    = false

  validation {
    condition     = contains(["code-engine", "event-notifications", "none"], var.rotate_timer)
    error_message = "The timer is code-engine, event-notifications or none."
  }
}

variable "timer_minutes" {
  type        = number
  description = "How often `rotate-keys` is called, in minutes: a number that divides an hour."
  default     = 1
  nullable    = false

  validation {
    condition     = contains([1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60], var.timer_minutes)
    error_message = "The minutes must divide an hour: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60."
  }
}

variable "fleet_shards" {
  type        = number
  description = "How many shards the job for fleets has, each an instance of its own (docs/fleets.md); 0 makes no job. No more than KEYROTA_SECRETS_MANAGER_CALLS_PER_SECOND, which they share."
  default     = 0
  nullable    = false

  validation {
    condition     = var.fleet_shards >= 0 && var.fleet_shards <= 1000 && floor(var.fleet_shards) == var.fleet_shards
    error_message = "The shards are a whole number from 0 to 1000."
  }
}

variable "fleet_minutes" {
  type        = number
  description = "How often the job for fleets is started, in minutes: a number that divides an hour."
  default     = 60
  nullable    = false

  validation {
    condition     = contains([5, 6, 10, 12, 15, 20, 30, 60], var.fleet_minutes)
    error_message = "The minutes must divide an hour: 5, 6, 10, 12, 15, 20, 30 or 60."
  }
}

variable "fleet_timer" {
  type        = string
  description = "What starts the job for fleets: `code-engine` is the cron of Code Engine, set up by the CLI `ibmcloud` where Terraform runs; `none` leaves it to you."
  default     = "code-engine"
  nullable    = false

  validation {
    condition     = contains(["code-engine", "none"], var.fleet_timer)
    error_message = "The timer is code-engine or none."
  }
}

variable "check_timer" {
  type        = string
  description = "What calls `check-expiry`: `code-engine` is the cron of Code Engine, set up by the CLI `ibmcloud` where Terraform runs; `none` leaves it to you."
  default     = "code-engine"
  nullable    = false

  validation {
    condition     = contains(["code-engine", "none"], var.check_timer)
    error_message = "The timer is code-engine or none."
  }
}

variable "check_schedule" {
  type        = string
  description = "When `check-expiry` is called, in UTC, as Code Engine's cron reads it: minute, hour, day, month 1-12, weekday 0-6."
  default     = "17 4 * * *"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9*,/-]+ [0-9*,/-]+ [0-9*,/-]+ [0-9A-Z*,/-]+ [0-6A-Z*,/-]+$", var.check_schedule))
    error_message = "The schedule must have five fields: minute, hour, day, month 1-12, weekday 0-6. Marks of Event Notifications (?, L, W, #) are not for Code Engine."
  }
}

variable "existing_cloud_logs_crn" {
  type        = string
  description = "CRN of a Cloud Logs instance that the platform logs of the region are routed to, those of the functions among them. Null leaves log routing as it is."
  default     = null

  validation {
    condition     = var.existing_cloud_logs_crn == null ? true : can(regex("^crn:v1:[^:]+:[^:]+:logs:[^:]+:a/[0-9a-f]{32}:[0-9a-f-]{36}::$", var.existing_cloud_logs_crn))
    error_message = "Cloud Logs must be given by its CRN, crn:v1:…:logs:REGION:a/ACCOUNT:ID::."
  }
}
