import { offeringNamed } from './catalog.ts';
import type { Offering } from './catalog.ts';
import type { Desk } from './desk.ts';
import type { Instance } from './model.ts';

interface NewInstance {
  guid: string;
  name: string;
  offering: Offering;
  planId: string;
  region: string;
}

/** A new instance, not locked and without parameters. */
export function newInstance(desk: Desk, about: NewInstance, byIamId: string): Instance {
  const { parts, random } = desk;
  const { guid, name, offering, planId, region } = about;
  const now = desk.now();
  return {
    id: guid,
    crn: `crn:v1:bluemix:public:${offering.name}:${region}:a/${parts.account.id}:${guid}::`,
    name,
    offering,
    region,
    planId,
    planHistory: [{ planId, startedAt: now, by: byIamId }],
    parameters: {},
    onetimeCredentials: false,
    allowCleanup: false,
    locked: false,
    lastOperation: { type: 'create' },
    builtIn: false,
    brokerKeys: { ingestion: random.hex(16), service: random.hex(16) },
    createdAt: now,
    createdBy: byIamId,
    updatedAt: now,
    updatedBy: byIamId,
    removal: null,
  };
}

/** Books the instances that the account has from the start. */
export function bookBuiltIns(desk: Desk): void {
  const { adminIamId, secretsManager, cloudLogs, logsRouter } = desk.parts.account;
  const builtIns = [
    { name: 'Secrets Manager', instance: secretsManager },
    { name: 'Cloud Logs', instance: cloudLogs },
    { name: 'Logs Router', instance: logsRouter },
  ];
  for (const { name, instance } of builtIns) {
    const [service = '', region = ''] = instance.crn.split(':').slice(4);
    const offering = offeringNamed(service);
    const about = { guid: instance.guid, name, offering, planId: offering.planIds[0] ?? '', region };
    desk.instances.put({ ...newInstance(desk, about, adminIamId), crn: instance.crn, builtIn: true });
  }
}
