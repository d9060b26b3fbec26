// Section 4.12 of MQTT 5.0: enhanced authentication, with a method of the test's own.

#include "fixture.h"

namespace dunlin::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// The method "COUNT": the client says a name, is asked "more?" and answers "right".
class Authentication : public Conformance {
 protected:
  struct Name final : hub::EnhancedState {
    explicit Name(std::string text) : name(std::move(text)) {}
    std::string name;
  };
  static void judge(hub::EnhancedStep& step, hub::EnhancedAnswered& done) {
    if (step.method != "COUNT") return done(dunlin::fail(Errc::unsupported, "no such method"));
    if (!step.state)
      return done(hub::EnhancedAnswer{"more?", nullptr, std::make_unique<Name>(std::move(step.data))});
    if (step.data != "right") return done(dunlin::fail(Errc::unauthenticated, "not right"));
    auto principal = std::make_shared<Principal>();
    principal->name = static_cast<Name&>(*step.state).name;
    principal->client_id = step.credentials.client_id;
    done(hub::EnhancedAnswer{"well done", principal, nullptr});
  }
  void SetUp() override {
    enhanced_method = [this](hub::EnhancedStep step, hub::EnhancedAnswered done) {
      client_executor.post([step = std::move(step), done = std::move(done)]() mutable { judge(step, done); });
    };
    Conformance::SetUp();
  }
  static Bytes auth(unsigned reason, std::string_view data, std::string_view method = "COUNT") {
    const Bytes properties = property::authentication_method(method) + property::authentication_data(data);
    return packet(0xf0, u8(reason) + variable(static_cast<unsigned>(properties.size())) + properties);
  }
  Wire& begin(const Bytes& more = {}) {
    return dial(kV5, {.client_id = "a",
                      .properties = property::authentication_method("COUNT") +
                                    property::authentication_data("anna") + more});
  }
  /// Asked, and not yet answered.
  Wire& asked() {
    Wire& wire = begin();
    EXPECT_THAT(got(wire), ElementsAre("AUTH 18 15=COUNT 16=more?"));
    return wire;
  }
  Wire& proven() {
    Wire& wire = asked();
    EXPECT_THAT(answer(wire, auth(0x18, "right")), ElementsAre("CONNACK 00"));
    return wire;
  }
};

// MQTT 5.0: 3.15.2-1, 4.12.0-2, 4.12.0-5.
TEST_F(Authentication, EveryAuthHasItsCodeAndTheMethod) {
  Wire& wire = asked();
  const Bytes challenge = u8(0x18) + variable(16) + property::authentication_method("COUNT") +
                          property::authentication_data("more?");
  EXPECT_EQ(wire.raw.back(), packet(0xf0, challenge));
  EXPECT_THAT(answer(wire, auth(0x18, "right")), ElementsAre("CONNACK 00"));
  EXPECT_THAT(wire.properties[0x15], ElementsAre("COUNT"));
  EXPECT_THAT(wire.properties[0x16], ElementsAre("well done"));
  EXPECT_THAT(answer(wire, auth(0x19, "anna")), ElementsAre("AUTH 18 15=COUNT 16=more?"));
  EXPECT_THAT(answer(wire, auth(0x18, "right")), ElementsAre("AUTH 00 15=COUNT 16=well done"));
  // A code of another packet. Section 3.15.2.1 leaves the answer open: it is that of every such code.
  EXPECT_EQ(answer(wire, auth(0x01, "anna")), refusal(kV5, "82"));
}

// MQTT 5.0: 3.15.2-2, 3.15.2-3.
TEST_F(Authentication, NoAuthIsLargerThanTheClientTakes) {
  Wire& fits = begin(property::maximum_packet_size(20));
  EXPECT_THAT(got(fits), ElementsAre("AUTH 18 15=COUNT 16=more?"));
  EXPECT_EQ(fits.raw.back().size(), 20U);
  EXPECT_EQ(fits.properties.size(), 2U) << "neither a reason string nor a user property";
  cut(fits);
  Wire& tight = begin(property::maximum_packet_size(19));
  EXPECT_THAT(got(tight), IsEmpty());
  run(transport::ServerLimits{}.connect_deadline + std::chrono::seconds{1});
  EXPECT_TRUE(tight.closed());
}

// MQTT 5.0: 4.12.0-4.
TEST_F(Authentication, AFailureEndsTheConnection) {
  EXPECT_EQ(answer(asked(), auth(0x18, "wrong")), connack_refusal("86"));
  EXPECT_EQ(got(dial(kV5, {.properties = property::authentication_method("OTHER")})), connack_refusal("8c"));
}

// MQTT 5.0: 3.1.2-30, 4.12.0-3, 4.12.0-5.
TEST_F(Authentication, OnlyTheAnswerMayFollowTheChallenge) {
  EXPECT_EQ(answer(asked(), publish(kV5, {})), connack_refusal("82"));
  EXPECT_EQ(answer(asked(), pingreq()), connack_refusal("82"));
  EXPECT_EQ(answer(asked(), auth(0x19, "right")), connack_refusal("82"));
  EXPECT_EQ(answer(asked(), auth(0x18, "right", "OTHER")), connack_refusal("82"));
  EXPECT_EQ(answer(asked(), disconnect(kV5)), Lines{"closed"});
}

// MQTT 5.0: 4.12.1-1.
TEST_F(Authentication, AuthenticatingAgainUsesTheSameMethod) {
  EXPECT_EQ(answer(proven(), auth(0x19, "anna", "OTHER")), refusal(kV5, "82"));
}

// MQTT 5.0: 4.12.1-2.
TEST_F(Authentication, AFailureLaterEndsTheConnection) {
  Wire& wire = proven();
  EXPECT_THAT(answer(wire, auth(0x19, "anna")), ElementsAre("AUTH 18 15=COUNT 16=more?"));
  EXPECT_EQ(answer(wire, auth(0x18, "wrong")), refusal(kV5, "87"));
}

}  // namespace
}  // namespace dunlin::conformance
