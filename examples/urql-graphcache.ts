/** The exchange of urql's normalising cache: docs/quickstart.md. */
import { cacheExchange, type KeyGenerator } from "@urql/exchange-graphcache";

const parts = `CommunitySummary DataIssue DataQualityFinding DictionaryEntry FeeGroup FeeSummary HouseOwner ModuleChange ModuleDrift
  Money OperationEvent OperationStep OrderDetail PaymentConflict PaymentEvent PlatformEndpoint Reconciliation
  RepairEvent RepairReporter Residency Reveal ShenheContent ShenheEvent ShenheHouse ShenhePeople ShenheVerification
  UserError VerificationFinding Viewer`;
const embedded = Object.fromEntries(parts.split(/\s+/).map((type): [string, KeyGenerator] => [type, () => null]));
const named: KeyGenerator = ({ name }) => `${name}`;

export const cache = cacheExchange({ keys: { Platform: named, Dictionary: named, ...embedded } });
