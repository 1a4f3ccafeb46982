// What the package gives to handler modules.
export {
  defineHandler,
  type Handler,
  type HandlerContext,
  type InputIssue,
  type InputSchema,
} from "./shared/handler.ts";
export type { RetryPolicy } from "./shared/spec.ts";
