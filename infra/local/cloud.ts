import { Hono } from 'hono';
import { Audit } from './audit.ts';
import { CallLog, pathToTell } from './call-log.ts';
import { ClassicInfrastructure } from './classic/service.ts';
import type { CloudClock } from './clock.ts';
import { EventNotifications } from './event-notifications/service.ts';
import { ConnectionLost, Faults } from './faults.ts';
import type { Fault } from './faults.ts';
import { IamService } from './iam/service.ts';
import { LoggingKeys } from './logging/key-book.ts';
import { LoggingService } from './logging/service.ts';
import { LogIngestion } from './logs/ingestion.ts';
import { notEmbeddedMessage } from './not-embedded.ts';
import { Outbox } from './outbox.ts';
import type { Deliver } from './outbox.ts';
import type { Account, CloudParts, CloudEnv } from './parts.ts';
import { SeededRandom } from './random.ts';
import { ResourceController } from './resource-controller/service.ts';
import { SecretsManagerService } from './secrets-manager/service.ts';
import { Switches } from './switches.ts';
import { Trouble } from './trouble.ts';
import { UserManagement } from './user-management/service.ts';

export interface EmbeddedCloudOptions {
  clock: CloudClock;
  /** Same seed, same ids, values and trouble. Default: a fixed one. */
  seed?: string;
  switches?: Partial<Switches>;
}

/** Where everything is, and who the account's owner is. */
export interface CloudAddresses {
  url: string;
  controlUrl: string;
  accountId: string;
  adminIamId: string;
  adminApiKey: string;
  resourceGroupId: string;
  /** Of the Secrets Manager instance, without `/api/v2`. */
  secretsManagerUrl: string;
  /** Of log ingestion, without `/logs/v1/singles`. */
  logsUrl: string;
  /** Of the classic infrastructure API, without `/rest/v3.1`. */
  classicUrl: string;
}

interface World {
  parts: CloudParts;
  iam: IamService;
  secretsManager: SecretsManagerService;
  resourceController: ResourceController;
  classic: ClassicInfrastructure;
  logs: LogIngestion;
  logging: LoggingService;
  eventNotifications: EventNotifications;
  app: Hono<CloudEnv>;
  calls: CallLog;
  trouble: Trouble;
}

const isLogLine = (path: string): boolean => /^\/logs(-router)?\//.test(path);

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

/**
 * IBM Cloud in one process: the APIs that Keyrota uses, for one account, in memory. Call it with `handle`, as a function,
 * or serve it with `server.ts`.
 */
export class EmbeddedCloud {
  readonly clock: CloudClock;
  readonly faults = new Faults();
  readonly #options: EmbeddedCloudOptions;
  readonly #outbox: Outbox;
  #world: World;

  constructor(options: EmbeddedCloudOptions) {
    this.clock = options.clock;
    this.#options = options;
    this.#outbox = new Outbox(options.clock);
    this.#world = this.#build();
  }

  get account(): Account {
    return this.#world.parts.account;
  }

  get iam(): IamService {
    return this.#world.iam;
  }

  get classic(): ClassicInfrastructure {
    return this.#world.classic;
  }

  get eventNotifications(): EventNotifications {
    return this.#world.eventNotifications;
  }

  /** How webhooks and events are brought to their receivers. Default: over the network. */
  set deliver(deliver: Deliver) {
    this.#outbox.deliver = deliver;
  }

  get audit(): Audit {
    return this.#world.parts.audit;
  }

  get calls(): CallLog {
    return this.#world.calls;
  }

  get switches(): Switches {
    return this.#world.parts.switches;
  }

  /** Back to the account as it was at the start, without faults. Time goes on. */
  reset(): void {
    this.faults.clear();
    this.#world.secretsManager.close();
    this.#world.eventNotifications.close();
    this.#world = this.#build();
  }

  /** All that exists. Values of keys and secrets only where `withValues` is set. */
  snapshot(options: { withValues: boolean }): object {
    const { parts, iam, secretsManager, resourceController, classic, logs, logging, calls, eventNotifications } =
      this.#world;
    return {
      account: parts.account,
      iam: iam.snapshot(options),
      secretsManager: secretsManager.snapshot(options),
      resourceController: resourceController.snapshot(options),
      classic: classic.snapshot(options),
      logs: logs.snapshot(),
      logging: logging.snapshot(options),
      eventNotifications: eventNotifications.snapshot(options),
      calls: { total: calls.total, lines: calls.lines },
    };
  }

  /** What a program needs to know to use the cloud that is served at these addresses. */
  addresses(url: string, controlUrl: string): CloudAddresses {
    return {
      url,
      controlUrl,
      accountId: this.account.id,
      adminIamId: this.account.adminIamId,
      adminApiKey: this.iam.adminApiKey,
      resourceGroupId: this.account.resourceGroupId,
      secretsManagerUrl: url,
      logsUrl: url,
      classicUrl: url,
    };
  }

  /**
   * Answers one request, with whatever trouble is in store for it. Time stands still meanwhile.
   * @throws ConnectionLost when the caller must not get an answer.
   */
  async handle(request: Request): Promise<Response> {
    const { clock } = this;
    const world = this.#world;
    const { pathname, search } = new URL(request.url);
    const hold = clock.hold();
    const startMs = clock.nowMs();
    const fault = this.faults.take(request.method, pathname) ?? this.#troubleOf(pathname);
    const seen: CloudEnv['Bindings']['seen'] = { caller: null };
    const record = (outcome: number | 'refused' | 'reset') => {
      if (isLogLine(pathname)) return world.calls.recordLine();
      const iamId = seen.caller?.iamId ?? null;
      const tookMs = clock.nowMs() - startMs;
      return world.calls.record({
        atMs: startMs,
        method: request.method,
        path: pathToTell(pathname),
        query: search,
        outcome,
        iamId,
        tookMs,
      });
    };
    try {
      const response = await answer(request, world, fault, seen, hold);
      response.headers.set('date', new Date(clock.nowMs()).toUTCString());
      record(response.status);
      return response;
    } catch (error) {
      record(error instanceof ConnectionLost && error.kind === 'refused' ? 'refused' : 'reset');
      throw error;
    } finally {
      hold.release();
    }
  }

  #troubleOf(path: string): Fault | null {
    const { parts, trouble } = this.#world;
    return isLogLine(path) ? null : trouble.next(parts.switches.troubleRate);
  }

  #build(): World {
    const { seed = 'keyrota' } = this.#options;
    const random = new SeededRandom(seed);
    // Of its own, so that ids and values are the same with and without it.
    const trouble = new Trouble(new SeededRandom(`${seed} trouble`));
    const parts: CloudParts = {
      account: newAccount(random),
      clock: this.clock,
      random,
      audit: this.#world?.parts.audit ?? new Audit(() => this.clock.nowMs()),
      switches: Switches.parse(this.#options.switches ?? {}),
    };
    const iam = new IamService(parts);
    const eventNotifications = new EventNotifications(parts, iam, this.#outbox);
    const secretsManager = new SecretsManagerService(parts, iam, (instanceCrn, event) => {
      if (instanceCrn === parts.account.eventNotifications.crn) eventNotifications.publish(event);
    });
    const loggingKeys = new LoggingKeys(parts);
    const resourceController = new ResourceController(parts, iam, loggingKeys);
    const logs = new LogIngestion(parts, iam, resourceController);
    const logging = new LoggingService(parts, loggingKeys);
    const classic = new ClassicInfrastructure(parts, iam);
    const userManagement = new UserManagement(parts, iam, classic);
    const app = new Hono<CloudEnv>();
    const services = [
      iam,
      secretsManager,
      resourceController,
      classic,
      userManagement,
      logs,
      logging,
      eventNotifications,
    ];
    for (const service of services) app.route('/', service.routes());
    app.notFound((context) => {
      const message = notEmbeddedMessage(`route ${context.req.method} ${pathToTell(context.req.path)}`);
      return context.json({ errors: [{ code: 'not_in_embedded_cloud', message }] }, 501);
    });
    app.onError((error) => {
      throw error;
    });
    return {
      parts,
      iam,
      secretsManager,
      resourceController,
      classic,
      logs,
      logging,
      eventNotifications,
      app,
      calls: new CallLog(),
      trouble,
    };
  }
}

async function answer(
  request: Request,
  world: World,
  fault: Fault | null,
  seen: CloudEnv['Bindings']['seen'],
  hold: ReturnType<CloudClock['hold']>,
): Promise<Response> {
  const answerNormally = async () => world.app.fetch(request, { seen });
  if (!fault) return answerNormally();
  if (fault.refuse) throw new ConnectionLost('refused');
  if (fault.drop === 'request') throw new ConnectionLost('reset');
  if (fault.lateMs > 0) await hold.sleep(fault.lateMs);
  const takesEffect = fault.status === undefined || fault.afterEffect;
  const normal = takesEffect ? await answerNormally() : null;
  if (fault.delayMs > 0) await hold.sleep(fault.delayMs);
  if (fault.drop === 'answer') throw new ConnectionLost('reset');
  if (fault.status === undefined && normal) return normal;
  const headers = fault.retryAfterSeconds === undefined ? {} : { 'retry-after': String(fault.retryAfterSeconds) };
  const body = { errors: [{ code: 'injected_fault', message: `Injected fault: ${fault.status}` }] };
  return Response.json(body, { status: fault.status ?? 500, headers });
}
