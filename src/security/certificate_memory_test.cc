#include "security/certificate_memory.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/virtual_fs.h"
#include "security/memory_fs.h"
#include "security/pki.h"

namespace dunlin::security {
namespace {

TEST(CertificateMemory, ACertificateIsRememberedUntilOthersTakeItsPlace) {
  MemoryFs fs;
  VirtualClock clock;
  SystemRng rng;
  const auto pki =
      Pki::open(fs, clock, rng, "data", {.host_name = "hub.example", .names = {}, .addresses = {}}).value();
  CertificateMemory memory(2);
  for (const char* name : {"a", "b", "a", "c"}) {
    const std::string der =
        certificates_from_pem(
            pki->issue_device_certificate({.thing_name = name, .csr_pem = {}})->certificate_pem)
            ->front();
    for (int i = 0; i < 2; ++i) {
      const auto read = memory.read(as_bytes(der));
      const auto parsed = parse_certificate(as_bytes(der));
      ASSERT_TRUE(read && parsed);
      EXPECT_EQ(read->thing_name, name);
      EXPECT_EQ(read->fingerprint, parsed->fingerprint);
      EXPECT_EQ(read->serial, parsed->serial);
      EXPECT_EQ(read->not_after, parsed->not_after);
    }
  }
  EXPECT_EQ(memory.size(), 2U);
  EXPECT_FALSE(memory.read(as_bytes(std::string("no certificate"))));
  EXPECT_EQ(memory.size(), 2U);
}

}  // namespace
}  // namespace dunlin::security
