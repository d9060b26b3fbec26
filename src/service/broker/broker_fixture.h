#pragma once
// For tests: the broker's operations over a real hub in virtual time.

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "hub/hub_fixture.h"
#include "service/broker/broker.h"

namespace dunlin::broker::testing {

class BrokerTest : public hub::testing::HubTest {
 protected:
  void declare_all(const hub::Limits& limits = {}) {
    declare({*world->executors[0], hub(),
             [](const Principal&, hub::Action, std::string_view topic) -> Result<void> {
               if (topic.starts_with("secret")) return fail(Errc::permission_denied, "denied by statement 2");
               return {};
             },
             limits},
            table);
    table.record_calls([this](const model::Caller& caller, const model::CallRecord& record, auto recorded) {
      audit.push_back(caller.principal->name + " " + std::string(record.action) + " " + record.object +
                      (record.detail.empty() ? "" : " " + record.detail));
      recorded({});
    });
  }
  Result<boost::json::value> call(std::string_view name, boost::json::object request,
                                  std::vector<std::string> permissions = {"*"}) {
    auto user = std::make_shared<Principal>();
    user->kind = PrincipalKind::user;
    user->name = "ada";
    user->permissions = std::move(permissions);
    std::optional<Result<boost::json::value>> answer;
    table.invoke(*table.find(name), {std::move(user), "test"}, std::move(request),
                 [&answer](Result<boost::json::value> result) { answer = std::move(result); });
    run(std::chrono::milliseconds{100});
    return answer.has_value() ? *std::move(answer) : fail(Errc::internal, "no answer");
  }
  boost::json::object got(std::string_view name, boost::json::object request) {
    auto answer = call(name, std::move(request));
    EXPECT_TRUE(answer.has_value()) << (answer ? "" : answer.error().message);
    return answer ? answer->as_object() : boost::json::object{};
  }
  std::string verdict(boost::json::object request) {
    const auto answer = got("session.explain", std::move(request));
    summary = std::string(answer.at("summary").as_string());
    return std::string(answer.at("verdict").as_string());
  }
  void retain(hub::testing::RecordingLink& link, const std::string& topic, const std::string& payload) {
    link.session->publish(
        hub::testing::message(topic, payload, hub::QoS::at_most_once, hub::Message::Retain::yes), 0, {});
    run();
  }

  model::OperationTable table;
  std::vector<std::string> audit;
  std::string summary;
};

}  // namespace dunlin::broker::testing
