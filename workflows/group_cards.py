"""The live card of a campaign in its groups: new figures once a minute, if they changed; at the end, the end."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.engine import Card
from models.recall import Campaign, CampaignState
from workflows.acting import SYSTEM
from workflows.campaign_steps import campaign_facts
from workflows.flow import Step
from workflows.house import House
from workflows.progress import totals
from workflows.subjects import flow_name, worded
from workflows.tell import repaint_group_cards

LAST_LOOK = timedelta(hours=2)  # how long after its end a campaign's card is still brought up to date
LIVE = (CampaignState.RUNNING, CampaignState.CHECKING, CampaignState.WINDING_DOWN)


def refresh_group_cards(session: Session, house: House, now: datetime) -> int:
    """Repaint the cards of running campaigns whose figures changed; return how many campaigns were looked at."""
    just_ended = Campaign.closed_at > now - LAST_LOOK
    live = select(Campaign).where(or_(Campaign.state.in_(LIVE), just_ended))
    with_cards = live.where(Campaign.id.in_(select(Card.subject_id).where(Card.channel.startswith("dingtalk:group:"))))
    campaigns = list(session.scalars(with_cards))
    for campaign in campaigns:
        step = Step(session, house, campaign, SYSTEM, now)
        sums = totals(session, campaign.id)
        facts = {**campaign_facts(step), "scoped": sums.scoped, "done": sums.accepted + sums.rejected}
        message = house.texts.say(worded(campaign, "campaign_card"), left=sums.outstanding, **facts)
        link = f"{house.public_url}/desk/recalls/{campaign.id}"
        ended = house.texts.label("campaign_state", campaign.state.value) if campaign.closed_at else ""
        repaint_group_cards(step, flow_name(campaign), replace(message, link=link, status=ended))
    return len(campaigns)
