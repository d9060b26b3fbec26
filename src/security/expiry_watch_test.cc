#include "security/expiry_watch.h"

#include <gtest/gtest.h>

#include "security/identity_fixture.h"

namespace dunlin::security {
namespace {

using std::chrono::days;
using std::chrono::hours;

struct ExpiryWatchTest : IdentityTest {
  metrics::Registry metrics;
  ExpiryWatch watch{{executor, repository, *pki, clock, metrics}};

  double left(const std::string& what) const {
    return metrics.value("dunlin_pki_expiry_days", {{"certificate", what}});
  }
  enum class Of : std::uint8_t { certificates, lists };
  std::size_t told(Of what = Of::certificates) const {
    std::size_t number = 0;
    for (const auto& [key, document] : repository.documents) {
      const bool is_list = document.body.contains("root_list ");
      number += std::get<0>(key) == store::DocumentKind::audit &&
                document.body.contains("certificate.expiring") && is_list == (what == Of::lists);
    }
    return number;
  }
};

TEST_F(ExpiryWatchTest, TheGaugesCountDown) {
  EXPECT_EQ(left("root"), 20 * 365);
  EXPECT_EQ(left("intermediate"), 5 * 365);
  EXPECT_EQ(left("server"), 90);
  scheduler.run_for(days{10} + hours{1});
  EXPECT_EQ(left("server"), 79);
  scheduler.run_for(days{100});
  EXPECT_LT(left("server"), 0) << "past its end";
  ASSERT_EQ(pki->renew_server_certificate_if_due().value(), Renewal::renewed);
  EXPECT_EQ(left("server"), 90);
}

TEST_F(ExpiryWatchTest, TheServersCertificateIsToldOnceAtSevenDaysAndAtOne) {
  watch.start();
  scheduler.run_for(days{82});
  EXPECT_EQ(told(), 0U) << "it would have been renewed";
  scheduler.run_for(days{2});
  EXPECT_EQ(told(), 1U);
  metrics::Registry other;
  ExpiryWatch again{{executor, repository, *pki, clock, other}};
  again.start();
  scheduler.run_for(days{1});
  EXPECT_EQ(told(), 1U) << "once, also over a restart";
  scheduler.run_for(days{5});
  EXPECT_EQ(told(), 2U);
  scheduler.run_for(days{2});
  EXPECT_EQ(told(), 2U);
}

TEST_F(ExpiryWatchTest, AnIntermediateIsToldInThreeSteps) {
  scheduler.run_for(days{5 * 365 - 35});
  ASSERT_EQ(pki->renew_server_certificate_if_due().value(), Renewal::renewed);
  watch.start();
  scheduler.run_for(days{1});
  // The server's certificate ends with the intermediate, and is told from seven days on.
  EXPECT_EQ(told(), 0U);
  scheduler.run_for(days{5});
  EXPECT_EQ(told(), 1U);
  scheduler.run_for(days{23});
  EXPECT_EQ(told(), 3U);
  scheduler.run_for(days{6});
  EXPECT_EQ(told(), 5U);
}

TEST_F(ExpiryWatchTest, TheListOfAnOfflineRootIsToldInThreeStepsAndCountedOnceItHasEnded) {
  const auto to_mend = [this] { return metrics.value("dunlin_pki_root_lists_outdated"); };
  EXPECT_EQ(left("root_list"), 30);
  watch.start();
  scheduler.run_for(days{22});
  EXPECT_EQ(told(Of::lists), 0U) << "it would have been made anew";
  scheduler.run_for(days{2});
  EXPECT_EQ(told(Of::lists), 1U) << "seven days";
  const std::string exported = pki->export_root_key("a long walk by the sea").value();
  ASSERT_TRUE(pki->remove_root_key(exported, "a long walk by the sea"));
  EXPECT_EQ(left("offline_root_list"), 180);
  scheduler.run_for(days{149});
  EXPECT_EQ(told(Of::lists), 1U);
  for (const auto& [pass, times] : {std::pair{days{2}, 2U}, {days{23}, 3U}, {days{6}, 4U}, {days{2}, 4U}}) {
    scheduler.run_for(pass);
    EXPECT_EQ(told(Of::lists), times);
  }
  EXPECT_EQ(to_mend(), 1);
}

TEST_F(ExpiryWatchTest, ARecordThatCannotBeWrittenIsWrittenLater) {
  watch.start();
  repository.fail_writes = true;
  scheduler.run_for(days{84});
  EXPECT_EQ(told(), 0U);
  repository.fail_writes = false;
  scheduler.run_for(hours{12});
  EXPECT_EQ(told(), 1U);
}

TEST_F(ExpiryWatchTest, DeviceCertificatesThatEndSoonAreCounted) {
  const auto count = [this] { return metrics.value("dunlin_pki_device_certificates_expiring"); };
  ASSERT_TRUE(wait<IssuedCertificate>([&](auto done) {
    certificates->issue(executor, "test", {.thing_name = "press-02", .csr_pem = {}, .lifetime = days{60}},
                        std::move(done));
  }));
  const auto soon = issue("press-01").value();  // for 30 days
  watch.start();
  scheduler.run_for(hours{1});
  EXPECT_EQ(count(), 1);
  scheduler.run_for(days{31});
  EXPECT_EQ(count(), 1) << "one has ended, the other is near its end";
  scheduler.run_for(days{30});
  EXPECT_EQ(count(), 0);
}

}  // namespace
}  // namespace dunlin::security
