#include "transport/http/security_text.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace dunlin::transport {
namespace {

bool is_taken(std::vector<std::string> contacts, std::string policy = {}) {
  return check_security_text({std::move(contacts), std::move(policy)}).has_value();
}

TEST(SecurityText, HasTheFieldsOfRfc9116InTheirOrder) {
  const WallTime now = parse_rfc3339("2026-11-29T17:00:00Z").value();
  EXPECT_EQ(render_security_text({{"mailto:security@example.com", "https://example.com/report"}, {}}, now),
            "Contact: mailto:security@example.com\n"
            "Contact: https://example.com/report\n"
            "Expires: 2026-12-29T00:00:00.000Z\n");
  const std::string whole =
      render_security_text({{"tel:+1-201-555-0123"}, "https://example.com/policy"}, now);
  EXPECT_TRUE(whole.ends_with("Policy: https://example.com/policy\n")) << whole;
}

TEST(SecurityText, TakesUrisOfTheStandardOnly) {
  EXPECT_TRUE(is_taken({}));
  EXPECT_TRUE(
      is_taken({"mailto:security@example.com", "https://example.com/report?a=b%20c", "tel:+1-201-555-0123"},
               "https://example.com/policy"));
  for (const char* wrong : {"", "security@example.com", "mailto:", "https://", "http://example.com/report",
                            "mailto:a@b c", "mailto:a@b\nPolicy: https://evil.example", "mailto:\xc3\xa4@b",
                            "https://example.com/<script>", "javascript:alert(1)"})
    EXPECT_FALSE(is_taken({wrong})) << wrong;
  EXPECT_FALSE(is_taken({"https://example.com/" + std::string(kMaxSecurityUriBytes, 'a')}));
  EXPECT_FALSE(is_taken(std::vector<std::string>(kMaxSecurityContacts + 1, "mailto:a@b")));
  EXPECT_TRUE(is_taken(std::vector<std::string>(kMaxSecurityContacts, "mailto:a@b")));
  EXPECT_FALSE(is_taken({"mailto:a@b"}, "mailto:a@b")) << "a policy is a page";
  EXPECT_FALSE(is_taken({}, "https://example.com/policy")) << "a contact is required";
}

}  // namespace
}  // namespace dunlin::transport
