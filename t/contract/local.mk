# The OpenAPI document, held against the tables, a validator and a generated client. The npm packages of package-lock.json are installed beside the build by
# ./telerx check.
contract_tests += t/contract/openapi.test.mjs
flow_tests += t/contract/generated.test.mjs
EXTRA_DIST += t/contract/client.mjs t/contract/openapi.test.mjs t/contract/generated.test.mjs t/contract/first_calls.ts t/contract/tools.mjs t/contract/package.json \
	t/contract/package-lock.json t/contract/.npmrc
