import type { CloudParts } from '../parts.ts';
import type { Instance, Operation, Resource, ResourceKey } from './model.ts';

const url = ({ id }: Pick<Resource, 'id'>, kind: 'resource_instances' | 'resource_keys'): string => `/v2/${kind}/${id}`;

/** What instances and keys have in common. */
function resourceView({ account }: CloudParts, resource: Resource) {
  return {
    id: resource.crn,
    guid: resource.id,
    created_at: resource.createdAt.text,
    updated_at: resource.updatedAt.text,
    deleted_at: resource.removal?.at.text ?? null,
    created_by: resource.createdBy,
    updated_by: resource.updatedBy,
    deleted_by: resource.removal?.by ?? '',
    name: resource.name,
    crn: resource.crn,
    state: resource.removal ? 'removed' : 'active',
    account_id: account.id,
    resource_group_id: account.resourceGroupId,
    resource_id: resource.offering.resourceId,
    migrated: false,
  };
}

/** A `ResourceInstance` of the API. */
export function instanceView(parts: CloudParts, instance: Instance) {
  const { account } = parts;
  const ownUrl = url(instance, 'resource_instances');
  const deployment = encodeURIComponent(`${instance.planId}:${instance.region}`);
  return {
    ...resourceView(parts, instance),
    url: ownUrl,
    scheduled_reclaim_at: null,
    restored_at: null,
    restored_by: '',
    scheduled_reclaim_by: '',
    region_id: instance.region,
    reseller_channel_id: '',
    resource_plan_id: instance.planId,
    resource_group_crn: `crn:v1:bluemix:public:resource-controller::a/${account.id}::resource-group:${account.resourceGroupId}`,
    target_crn: `crn:v1:bluemix:public:globalcatalog::::deployment:${deployment}`,
    onetime_credentials: instance.onetimeCredentials,
    parameters: instance.parameters,
    allow_cleanup: instance.allowCleanup,
    type: 'service_instance',
    dashboard_url: `https://cloud.ibm.com/services/${instance.offering.name}/${encodeURIComponent(instance.crn)}`,
    last_operation: operationView(instance.lastOperation),
    resource_aliases_url: `${ownUrl}/resource_aliases`,
    resource_bindings_url: `${ownUrl}/resource_bindings`,
    resource_keys_url: `${ownUrl}/resource_keys`,
    plan_history: instance.planHistory.map(({ planId, startedAt, by }) => ({
      resource_plan_id: planId,
      start_date: startedAt.text,
      requestor_id: by,
    })),
    controlled_by: '',
    locked: instance.locked,
  };
}

/** A `ResourceKey` of the API, with the credentials as the caller may see them; null for none at all. */
export function keyView(parts: CloudParts, key: ResourceKey, credentials: object | null) {
  return {
    ...resourceView(parts, key),
    url: url(key, 'resource_keys'),
    source_crn: key.instanceCrn,
    role: key.roleId ?? 'NONE',
    parameters: { ...key.parameters, ...(key.roleId !== null && { role_crn: key.roleId }) },
    onetime_credentials: key.onetimeCredentials,
    ...(credentials && { credentials }),
    iam_compatible: key.offering.iamCompatible,
    resource_instance_url: url({ id: key.instanceId }, 'resource_instances'),
    resource_alias_url: null,
  };
}

function operationView({ type, subType }: Operation) {
  return {
    type,
    ...(subType !== undefined && { sub_type: subType }),
    state: 'succeeded',
    async: false,
    description: `Completed ${type} instance operation`,
    cancelable: false,
    poll: false,
  };
}
