import { z } from 'zod';
import type { LoggingServiceName } from '../logging/model.ts';
import type { Switches } from '../switches.ts';
import { userAndPassword, cloudant, iamOnly, logdna, objectStorage } from './credentials.ts';
import type { CredentialsMaker } from './credentials.ts';

/** A service of the catalog, as far as the resource controller needs it. */
export interface Offering {
  /** As CRNs and policies name it. */
  readonly name: string;
  readonly resourceId: string;
  readonly planIds: readonly string[];
  readonly regions: readonly string[];
  /** Whether its keys have an identity in IAM. */
  readonly iamCompatible: boolean;
  /** Whether it controls access below the instance, so that nobody's role can be compared with that of a key. */
  readonly comparesRoles: boolean;
  /** What its keys can be asked for, beside `serviceid_crn`. */
  readonly keyParameters: z.ZodObject;
  readonly credentials: CredentialsMaker;
}

const REGIONS = ['us-south', 'us-east', 'eu-de', 'eu-gb', 'jp-tok', 'au-syd'];
const NoParameters = z.strictObject({});
const PLAIN = {
  regions: REGIONS,
  iamCompatible: true,
  comparesRoles: true,
  keyParameters: NoParameters,
  credentials: iamOnly,
};

// Of logs, logs-router, the plans of logdna and all of generic-service the real ids are not public: those here are ours.
const OFFERINGS: readonly Offering[] = [
  {
    ...PLAIN,
    name: 'secrets-manager',
    resourceId: 'ebc0cdb0-af2a-11ea-98c7-29e5db822649',
    planIds: ['7713c3a8-3be8-4a9a-81bb-ee822fcaac3d', '869c191a-3c2a-4faf-98be-18d48f95ba1f'],
  },
  { ...PLAIN, name: 'logs', resourceId: 'logs', planIds: ['logs-standard'] },
  { ...PLAIN, name: 'logs-router', resourceId: 'logs-router', planIds: ['logs-router-standard'] },
  {
    ...PLAIN,
    name: 'cloud-object-storage',
    resourceId: 'dff97f5c-bc5e-4455-b470-411c3edbe49c',
    planIds: ['744bfc56-d12c-4866-88d5-dac9139e0e5d', '2fdf0c08-2d32-4f46-84b5-32e0c92fffd8'],
    regions: ['global'],
    // docs/account, "Viewing a credential": access to single buckets cannot be compared.
    comparesRoles: false,
    keyParameters: z.strictObject({
      HMAC: z.boolean().optional(),
      'service-endpoints': z.enum(['public', 'private']).optional(),
    }),
    credentials: objectStorage,
  },
  {
    ...PLAIN,
    name: 'cloudantnosqldb',
    resourceId: 'cloudant',
    planIds: ['cloudant-standard', 'cloudant-lite'],
    credentials: cloudant,
  },
  {
    ...PLAIN,
    name: 'logdna',
    resourceId: 'e13e1860-959c-11e8-871e-ad157af61ad7',
    planIds: ['logdna-7-day'],
    credentials: logdna,
  },
  {
    ...PLAIN,
    name: 'logdnaat',
    resourceId: 'dcc46a60-e13b-11e8-a015-757410dab16b',
    planIds: ['logdnaat-7-day'],
    credentials: logdna,
  },
  {
    ...PLAIN,
    name: 'generic-service',
    resourceId: 'generic-service',
    planIds: ['generic-service-standard', 'generic-service-enterprise'],
    iamCompatible: false,
    keyParameters: z.looseObject({}),
    credentials: userAndPassword,
  },
];

const LOGDNA: readonly LoggingServiceName[] = ['logdna', 'logdnaat'];

/** Which of the services of LogDNA it is, both of which have ended; undefined for any other one. */
export const loggingServiceOf = ({ name }: Offering): LoggingServiceName | undefined =>
  LOGDNA.find((service) => service === name);

/** The service with that plan; undefined when nobody can order it. */
export function offeringOfPlan(planId: string, { logdnaOffered }: Switches): Offering | undefined {
  const offering = OFFERINGS.find(({ planIds }) => planIds.includes(planId));
  return offering && loggingServiceOf(offering) && !logdnaOffered ? undefined : offering;
}

/** One of the services that the account has instances of from the start. Throws RangeError for any other name. */
export function offeringNamed(name: string): Offering {
  const offering = OFFERINGS.find((one) => one.name === name);
  if (!offering) throw new RangeError(`The catalog has no service ${name}.`);
  return offering;
}
