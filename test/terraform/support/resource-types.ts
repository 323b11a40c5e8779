/** An argument of a resource, and what it may hold. */
interface Argument {
  name: string;
  isRequired: boolean;
  holds: 'string' | 'number' | 'bool' | 'list' | 'map' | 'any';
}

/** The arguments and blocks that a resource, a data source or a block has. */
export interface Shape {
  arguments: readonly Argument[];
  blocks: Readonly<Record<string, Shape & { isRequired: boolean }>>;
}

/** A resource or a data source: what it takes, and what can be read of it beside that. */
export interface ResourceType extends Shape {
  exports: readonly string[];
}

/** `name!` is required; `name:number` holds a number; without a word it holds a text. */
function argumentsOf(written: string): Argument[] {
  return written
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const [, name = '', mark, holds = 'string'] = /^(\w+)(!)?(?::(\w+))?$/.exec(word) ?? [];
      return { name, isRequired: mark === '!', holds: holds as Argument['holds'] };
    });
}

const block = (written: string, isRequired: boolean, blocks: Shape['blocks'] = {}) => ({
  arguments: argumentsOf(written),
  blocks,
  isRequired,
});

const type = (written: string, exports: string, blocks: Shape['blocks'] = {}): ResourceType => ({
  arguments: argumentsOf(written),
  blocks,
  exports: exports.split(' '),
});

/**
 * The resource types that the module may have, with their arguments as IBM's provider (IBM-Cloud/ibm) documents them in version 2.5.0.
 * What is not here is not used, or its use is added here first.
 */
export const RESOURCE_TYPES: Readonly<Record<string, ResourceType>> = {
  ibm_code_engine_project: type('name! resource_group_id', 'id project_id crn region account_id status'),
  ibm_code_engine_function: type(
    `project_id! name! runtime! code_reference! code_binary:bool code_main code_secret managed_domain_mappings
     run_compute_resource_token_enabled:bool scale_concurrency:number scale_cpu_limit scale_memory_limit scale_down_delay:number
     scale_max_execution_time:number`,
    'id function_id endpoint endpoint_internal status status_details computed_env_variables entity_tag',
    { run_env_variables: block('type! name value reference key prefix', false) },
  ),
  ibm_code_engine_job: type(
    `project_id! name! image_reference! image_secret run_commands:list run_arguments:list run_compute_resource_token_enabled:bool
     run_mode run_service_account run_as_user:number scale_array_spec scale_cpu_limit scale_memory_limit
     scale_ephemeral_storage_limit scale_max_execution_time:number scale_retry_limit:number`,
    'id job_id entity_tag',
    { run_env_variables: block('type! name value reference key prefix', false) },
  ),
  ibm_code_engine_config_map: type('project_id! name! data:map', 'id config_map_id entity_tag'),
  ibm_code_engine_secret: type('project_id! name! format! data:map', 'id secret_id entity_tag'),
  ibm_iam_trusted_profile: type('name! description', 'id iam_id crn'),
  ibm_iam_trusted_profile_link: type('profile_id! cr_type! name', 'id link_id', {
    link: block('crn! component_type component_name namespace name', true),
  }),
  ibm_iam_trusted_profile_policy: type(
    'roles!:list iam_id profile_id description account_management:bool',
    'id version',
    {
      resources: block(
        'service service_type resource_instance_id region resource_type resource resource_group_id attributes:map',
        false,
      ),
      resource_attributes: block('name! value! operator', false),
    },
  ),
  ibm_iam_authorization_policy: type(
    'roles!:list source_service_name target_service_name source_resource_instance_id target_resource_instance_id',
    'id version',
  ),
  ibm_resource_instance: type('name! service! plan! location! parameters:map resource_group_id', 'id crn guid status', {
    timeouts: block('create update delete', false),
  }),
  ibm_sm_secret_group: type('instance_id! name! description region endpoint_type', 'id secret_group_id created_at'),
  ibm_sm_en_registration: type(
    `instance_id! event_notifications_instance_crn! event_notifications_source_name! event_notifications_source_description region
     endpoint_type`,
    'id',
  ),
  ibm_en_topic: type('instance_guid! name! description', 'id topic_id source_count', {
    sources: block('id!', false, {
      rules: block('enabled!:bool event_type_filter! notification_filter', true, {
        event_schedule_filter: block('expression starts_at ends_at', false),
      }),
    }),
  }),
  ibm_en_destination_webhook: type(
    'instance_guid! name! type! description collect_failed_events:bool',
    'id destination_id',
    {
      config: block('', false, { params: block('url verb custom_headers:map sensitive_headers:list', true) }),
    },
  ),
  ibm_en_subscription_webhook: type(
    'instance_guid! name! destination_id! topic_id! description',
    'id subscription_id',
    {
      attributes: block('signing_enabled:bool template_id_notification', false),
    },
  ),
  ibm_logs_router_target: type('name! destination_crn! region managed_by', 'id crn'),
  ibm_logs_router_route: type('name! managed_by', 'id crn', {
    rules: block('action', true, {
      inclusion_filters: block('operand! operator! values!:list', true),
      targets: block('id! crn! name! target_type!', true),
    }),
  }),
  terraform_data: type('input:any triggers_replace:any', 'id output'),
};

/** The data sources that the module may have. */
export const DATA_TYPES: Readonly<Record<string, ResourceType>> = {
  ibm_en_sources: type('instance_guid! search_key', 'id total_count sources'),
};
