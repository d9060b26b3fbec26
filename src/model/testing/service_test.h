#pragma once
// For tests of services: virtual time, a bus and stores that outlive the service under test, and a way to
// call operations.

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <utility>

#include "base/metrics.h"
#include "base/virtual_executor.h"
#include "hub/testing/fake_bus.h"
#include "model/operation.h"
#include "store/testing/fake_stores.h"

namespace dunlin::model::testing {

class ServiceTest : public ::testing::Test {
 protected:
  /// The process dies: its tasks, timers, consumers and counters are forgotten. The service must be gone
  /// already.
  void restart_process() {
    bus.restart();
    executor = std::make_unique<VirtualExecutor>(scheduler);
    metrics = std::make_unique<metrics::Registry>();
    table = OperationTable();
  }
  void settle() { scheduler.run_ready(); }
  /// As they are stored, in their order.
  std::vector<std::string> audit_records() {
    std::vector<std::string> records;
    repository.find(*executor, {.kind = store::DocumentKind::audit},
                    [&records](Result<std::vector<store::Document>> found) {
                      for (const auto& record : *found) records.push_back(record.body);
                    });
    settle();
    return records;
  }
  void pass(Duration time) { scheduler.run_for(time); }
  double counted(std::string_view name) const { return metrics->value(name); }

  void arrive(std::string_view topic, std::string_view payload, PrincipalRef principal = device("press-01")) {
    bus.arrive(topic, payload, std::move(principal), clock.wall_now());
  }
  static PrincipalRef device(std::string name) {
    return hub::testing::test_principal(PrincipalKind::device, std::move(name));
  }
  static PrincipalRef gateway(std::string name) {
    return hub::testing::test_principal(PrincipalKind::gateway, std::move(name));
  }

  /// Whose administrator invokes operations from now on.
  void act_for(TenantId tenant) { tenant_ = tenant; }
  /// Invokes an operation as an administrator and waits for the answer.
  Result<boost::json::value> call(std::string_view name, boost::json::object request) {
    auto user = std::make_shared<Principal>();
    user->kind = PrincipalKind::user;
    user->name = "ada";
    user->permissions = {"*"};
    user->tenant = tenant_;
    // Shared: the answer may come after this call has given up.
    auto answer = std::make_shared<Result<boost::json::value>>(fail(Errc::internal, "no answer"));
    const Operation* operation = table.find(name);
    if (operation == nullptr) return fail(Errc::internal, "no such operation");
    table.invoke(*operation, Caller{std::move(user), "test"}, std::move(request),
                 [answer](Result<boost::json::value> result) { *answer = std::move(result); });
    settle();
    return *answer;
  }
  /// The text of the answer, or the name of the error.
  std::string ask(std::string_view name, boost::json::object request) {
    const auto answer = call(name, std::move(request));
    return answer ? boost::json::serialize(*answer) : std::string(errc_name(answer.error().code));
  }

  VirtualClock clock;
  VirtualScheduler scheduler{clock};
  std::unique_ptr<VirtualExecutor> executor = std::make_unique<VirtualExecutor>(scheduler);
  std::unique_ptr<metrics::Registry> metrics = std::make_unique<metrics::Registry>();
  hub::testing::FakeBus bus;
  store::testing::FakeKeyed keyed;
  store::testing::FakeRepository repository;
  OperationTable table;

 private:
  TenantId tenant_ = kDefaultTenant;
};

}  // namespace dunlin::model::testing
