import { Hono } from 'hono';
import type { Audit } from './audit.ts';
import { CallLog, pathToTell } from './call-log.ts';
import { ClassicInfrastructure } from './classic/service.ts';
import type { CloudClock } from './clock.ts';
import { EventNotifications } from './event-notifications/service.ts';
import { GitHub } from './github/service.ts';
import { IamService } from './iam/service.ts';
import { LoggingKeys } from './logging/key-book.ts';
import { LoggingService } from './logging/service.ts';
import { LogIngestion } from './logs/ingestion.ts';
import { notEmbeddedMessage } from './not-embedded.ts';
import { Notices } from './notices/service.ts';
import type { Outbox } from './outbox.ts';
import type { Account, CloudEnv, CloudParts } from './parts.ts';
import { SeededRandom } from './random.ts';
import { ResourceController } from './resource-controller/service.ts';
import { SecretsManagerService } from './secrets-manager/service.ts';
import type { Switches } from './switches.ts';
import { Trouble } from './trouble.ts';
import { UserManagement } from './user-management/service.ts';

/** All services around one account, and what they have seen. */
export interface World {
  parts: CloudParts;
  iam: IamService;
  secretsManager: SecretsManagerService;
  resourceController: ResourceController;
  classic: ClassicInfrastructure;
  logs: LogIngestion;
  logging: LoggingService;
  eventNotifications: EventNotifications;
  github: GitHub;
  notices: Notices;
  app: Hono<CloudEnv>;
  calls: CallLog;
  trouble: Trouble;
}

const newAccount = (random: SeededRandom): Account => {
  const id = random.hex(16);
  // Of its own, so that ids and values are the same as before there was an instance of it.
  const eventRandom = new SeededRandom(`${random.seed} event notifications instance`);
  const instance = (service: string, region: string, guid = random.uuid()) => {
    return { guid, crn: `crn:v1:bluemix:public:${service}:${region}:a/${id}:${guid}::` };
  };
  return {
    id,
    adminIamId: `IBMid-${random.hex(5).toUpperCase()}`,
    resourceGroupId: random.hex(16),
    secretsManager: instance('secrets-manager', 'us-south'),
    cloudLogs: instance('logs', 'us-south'),
    logsRouter: instance('logs-router', 'us-south'),
    eventNotifications: instance('event-notifications', 'us-south', eventRandom.uuid()),
  };
};

/** What outlives a world, or shapes it. */
interface Ground {
  clock: CloudClock;
  outbox: Outbox;
  audit: Audit;
  seed: string;
  switches: Switches;
}

/** The account as it is at the start. */
export function buildWorld({ clock, outbox, audit, seed, switches }: Ground): World {
  const random = new SeededRandom(seed);
  const parts: CloudParts = { account: newAccount(random), clock, random, audit, switches };
  const iam = new IamService(parts);
  const eventNotifications = new EventNotifications(parts, iam, outbox);
  const secretsManager = new SecretsManagerService(parts, iam, (instanceCrn, event) => {
    if (instanceCrn === parts.account.eventNotifications.crn) eventNotifications.publish(event);
  });
  const loggingKeys = new LoggingKeys(parts);
  const resourceController = new ResourceController(parts, iam, loggingKeys);
  const classic = new ClassicInfrastructure(parts, iam);
  const services = {
    iam,
    secretsManager,
    resourceController,
    classic,
    userManagement: new UserManagement(parts, iam, classic),
    logs: new LogIngestion(parts, iam, resourceController),
    logging: new LoggingService(parts, loggingKeys),
    eventNotifications,
    github: new GitHub(parts, outbox),
    notices: new Notices(parts),
  };
  const app = new Hono<CloudEnv>();
  for (const service of Object.values(services)) app.route('/', service.routes());
  app.notFound((context) => {
    const message = notEmbeddedMessage(`route ${context.req.method} ${pathToTell(context.req.path)}`);
    return context.json({ errors: [{ code: 'not_in_embedded_cloud', message }] }, 501);
  });
  app.onError((error) => {
    throw error;
  });
  // Of its own, so that ids and values are the same with and without it.
  const trouble = new Trouble(new SeededRandom(`${seed} trouble`));
  return { parts, ...services, app, calls: new CallLog(), trouble };
}
