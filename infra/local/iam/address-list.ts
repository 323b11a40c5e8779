import { BlockList, isIP } from 'node:net';

/** IP addresses, ranges and subnets, as allow lists of IBM Cloud name them. */
export interface AddressList {
  includes: (address: string) => boolean;
}

/**
 * `17.5.7.8, 17.5.7.8 - 17.5.9.5, 17.5.0.0/16`, of either family, as docs/iam, "Allowing specific IP addresses", has it. Null
 * for any other text: network zones do not exist here.
 */
export function parseAddressList(text: string): AddressList | null {
  const list = new BlockList();
  for (const item of text.split(',')) {
    if (!add(list, item.trim())) return null;
  }
  return { includes: (address) => list.check(address, familyOf(address)) };
}

function add(list: BlockList, item: string): boolean {
  const [start = '', end, ...beyondEnd] = item.split(/\s*-\s*/);
  const [base = '', bits, ...beyondBits] = start.split('/');
  if (isIP(base) === 0 || beyondEnd.length > 0 || beyondBits.length > 0) return false;
  const family = familyOf(base);
  try {
    if (end === undefined && bits === undefined) list.addAddress(base, family);
    else if (end === undefined && /^\d{1,3}$/.test(bits ?? '')) list.addSubnet(base, Number(bits), family);
    else if (bits === undefined && isIP(end ?? '') === isIP(base)) list.addRange(base, end ?? '', family);
    else return false;
    return true;
  } catch {
    // A prefix that is too long, or a range that ends before it starts.
    return false;
  }
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
