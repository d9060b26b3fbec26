// Reads any bytes as each body that devices send when they enrol.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/core/assert.h"
#include "security/codes.h"
#include "security/enrolment_formats.h"
#include "security/names.h"
#include "service/provision/limits.h"
#include "service/provision/pattern.h"
#include "service/provision/requests.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dunlin;
  using namespace dunlin::provision;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto registration = read_registration(text)) {
    DUNLIN_ASSERT(security::check_thing_name(registration->device_id));
    DUNLIN_ASSERT(registration->capabilities.size() <= kMaxCapabilities);
    for (const auto& [name, value] : registration->attributes()) DUNLIN_ASSERT(value.size() <= 1024);
  }
  if (const auto request = read_enrol_request(text)) {
    DUNLIN_ASSERT(request->group.has_value() || !request->csr.empty());
    DUNLIN_ASSERT(request->device_id.empty() || security::check_thing_name(request->device_id));
  }
  if (const auto der = read_est_body(text)) (void)security::read_csr(*der);
  if (const auto csr = security::read_csr(text)) {
    DUNLIN_ASSERT(csr->key.size() == 64);
    DUNLIN_ASSERT(csr->thing_name.empty() || security::check_thing_name(csr->thing_name));
  }
  if (const auto basic = read_basic(text)) DUNLIN_ASSERT(!basic->name.contains(':'));
  if (const auto hash = security::code_hash(text)) DUNLIN_ASSERT(hash->size() == 64);
  if (check_pattern(text)) {
    const auto name = name_by(text, {.asked = "press-01",
                                     .common_name = "press-01",
                                     .thing_name = "press-01",
                                     .serial = "01",
                                     .organisation = "acme",
                                     .unit = "line3",
                                     .serial_number = "7"});
    DUNLIN_ASSERT(!name || *name == "press-01");
  }
  if (const auto subject = security::read_subject({data, size}))
    DUNLIN_ASSERT(security::is_clean_utf8(subject->common_name));
  return 0;
}
