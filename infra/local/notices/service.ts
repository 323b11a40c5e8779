import type { Hono } from 'hono';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { SeededRandom } from '../random.ts';
import { StrictRoutes } from '../strict-routes.ts';
import type { Violation } from '../validation.ts';
import { answerError, NoticeRefusal } from './errors.ts';
import { Slack } from './slack.ts';
import type { SlackNotice } from './slack.ts';
import { StandardWebhooks } from './standard-webhooks.ts';
import type { WebhookNotice } from './standard-webhooks.ts';

const badQuery = ({ property, reason }: Violation) => new NoticeRefusal(400, `${property} ${reason}`);

/** Those whom notices are sent to, outside of the account: a receiver of Standard Webhooks, and a channel of Slack. */
export class Notices {
  /** `whsec_…`, of 32 bytes: what Standard Webhooks must be signed with. */
  readonly secret: string;
  /** The last segment of the path of Slack's webhook: who knows it can write there. */
  readonly slackToken: string;
  readonly #webhooks: StandardWebhooks;
  readonly #slack: Slack;

  constructor(parts: CloudParts) {
    // Of its own, so that ids and values elsewhere are the same with and without what is made here.
    const random = new SeededRandom(`${parts.random.seed} notices`);
    this.secret = `whsec_${random.bytes(32).toString('base64')}`;
    this.slackToken = random.hex(12);
    this.#webhooks = new StandardWebhooks(parts, this.secret);
    this.#slack = new Slack(parts, this.slackToken);
  }

  routes(): Hono<CloudEnv> {
    const routes = new StrictRoutes({ badQuery, onError: answerError });
    routes.add('POST', '/notices/standard-webhooks', async (context) => {
      await this.#webhooks.take(context);
      return context.body(null, 204);
    });
    routes.add('POST', '/notices/slack/:token', async (context) => {
      await this.#slack.take(context);
      return context.text('ok');
    });
    return routes.app;
  }

  /** In the order in which they came first. */
  get webhooks(): readonly WebhookNotice[] {
    return this.#webhooks.list();
  }

  /** In the order in which they came. */
  get slack(): readonly SlackNotice[] {
    return this.#slack.list();
  }

  /** What was taken, for `GET /state`. The secrets only where `withValues` is set. */
  snapshot({ withValues }: { withValues: boolean }): object {
    const secrets = { secret: this.secret, slackToken: this.slackToken };
    return { ...(withValues && secrets), webhooks: this.webhooks, slack: this.slack };
  }
}
