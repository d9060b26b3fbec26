// Reads any bytes as lines of an exported audit log. What is read is written back the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "security/audit_verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin::security;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  AuditFileVerifier verifier;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + (line.size() < rest.size() ? 1 : 0));
    if (const auto record = audit_record_of(line)) {
      const auto again = audit_record_of(to_json_text(*record));
      DUNLIN_ASSERT(again && record_hash(*again) == record_hash(*record));
    }
    if (const auto head = signed_head_of(line)) {
      const auto again = signed_head_of(to_json_text(head->head, head->signature));
      DUNLIN_ASSERT(again && signed_bytes(again->head) == signed_bytes(head->head));
    }
    if (const auto problem = verifier.take_line(line)) {
      DUNLIN_ASSERT(!problem->why.empty());
      return 0;
    }
  }
  (void)verifier.end();
  return 0;
}
