import type { EmbeddedCloud } from '../../infra/local/cloud.ts';
import { adapterTo } from '../../infra/local/sdk-adapter.ts';

/** What tests put under the SDKs instead of the network: the embedded cloud, called as a function. */
export const inProcess = (cloud: EmbeddedCloud): ((config: unknown) => Promise<object>) => adapterTo(cloud);
