#include "apps/render.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace dunlin::apps {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RenderTest, AnAnswerWithListsOfObjectsWasOneLineOfJson) {
  const auto answer = boost::json::parse(R"({"thing":"press-01","lifecycle":"operation",
      "events":[{"event":"moved","to":"operation"},{"event":"moved","to":"maintenance"}]})");
  EXPECT_EQ(render_answer("thing.history", answer),
            "thing      press-01\nlifecycle  operation\n\n"
            "events\nevent  to\nmoved  operation\nmoved  maintenance\n");
}

TEST(RenderTest, WhatNamesSomethingIsNotCut) {
  const std::string fingerprint(64, 'a');
  const boost::json::object row{{"fingerprint", fingerprint}, {"certificate", std::string(65, 'b')}};
  const std::string text = render_answer("cert.list", boost::json::object{{"certificates", {row}}});
  EXPECT_THAT(text, HasSubstr(fingerprint));
  EXPECT_THAT(text, Not(HasSubstr(std::string(65, 'b'))));
}

TEST(RenderTest, APicturesMarkupIsForPages) {
  const auto answer = boost::json::parse(R"({"secret":"S","qr_text":"##","qr_svg":"<svg/>"})");
  EXPECT_EQ(render_answer("totp.enrol", answer), "secret   S\nqr_text  ##\n");
}

}  // namespace
}  // namespace dunlin::apps
