"""Which parameters Stripe knows, by request: as the types of its SDK for Python list them. All else it refuses.

The double takes all of these; what has no effect on what it does, it leaves aside.
"""

PAGING = frozenset({"ending_before", "expand", "limit", "starting_after"})
# Method and path, with a star for an id; lists take those of `PAGING` as well, everything takes `expand`.
_NAMES: dict[str, str] = {
    "DELETE subscriptions/*": "cancellation_details invoice_now prorate",
    "GET balance_transactions": "created currency payout source type",
    "GET billing_portal/configurations": "active is_default",
    "GET charges": "created customer payment_intent transfer_group",
    "GET checkout/sessions": (
        "created customer customer_account customer_details payment_intent payment_link status subscription"
    ),
    "GET coupons": "created",
    "GET customers": "created email test_clock",
    "GET disputes": "charge created payment_intent",
    "GET events": "created delivery_success type types",
    "GET invoice_payments": "created invoice payment status",
    "GET invoices": "collection_method created customer customer_account due_date status subscription",
    "GET payment_intents": "created customer customer_account",
    "GET payment_methods": "allow_redisplay customer customer_account type",
    "GET prices": "active created currency lookup_keys product recurring type",
    "GET products": "active created ids shippable type url",
    "GET promotion_codes": "active code coupon created customer customer_account",
    "GET refunds": "charge created payment_intent",
    "GET subscription_items": "subscription",
    "GET subscriptions": (
        "automatic_tax collection_method created current_period_end current_period_start customer "
        "customer_account plan price status test_clock"
    ),
    "GET webhook_endpoints": "",
    "POST billing_portal/configurations": "business_profile default_return_url features login_page metadata name",
    "POST billing_portal/configurations/*": (
        "active business_profile default_return_url features login_page metadata name"
    ),
    "POST billing_portal/sessions": (
        "configuration customer customer_account flow_data locale on_behalf_of return_url"
    ),
    "POST charges/*": "customer description fraud_details metadata receipt_email shipping transfer_group",
    "POST checkout/sessions": (
        "adaptive_pricing after_expiration allow_promotion_codes automatic_tax billing_address_collection "
        "branding_settings cancel_url client_reference_id consent_collection currency custom_fields "
        "custom_text customer customer_account customer_creation customer_email customer_update discounts "
        "excluded_payment_method_types expires_at integration_identifier invoice_creation line_items locale "
        "managed_payments metadata mode name_collection optional_items origin_context payment_intent_data "
        "payment_method_collection payment_method_configuration payment_method_data payment_method_options "
        "payment_method_types permissions phone_number_collection redirect_on_completion return_url "
        "saved_payment_method_options setup_intent_data shipping_address_collection shipping_options "
        "submit_type subscription_data success_url tax_id_collection ui_mode wallet_options"
    ),
    "POST checkout/sessions/*": "collected_information line_items metadata shipping_options",
    "POST coupons": (
        "amount_off applies_to currency currency_options duration duration_in_months id max_redemptions "
        "metadata name percent_off redeem_by"
    ),
    "POST coupons/*": "currency_options metadata name",
    "POST customers": (
        "address balance business_name cash_balance description email individual_name invoice_prefix "
        "invoice_settings metadata name next_invoice_sequence payment_method phone preferred_locales shipping "
        "source tax tax_exempt tax_id_data test_clock validate"
    ),
    "POST customers/*": (
        "address balance business_name cash_balance default_source description email individual_name "
        "invoice_prefix invoice_settings metadata name next_invoice_sequence phone preferred_locales shipping "
        "source tax tax_exempt validate"
    ),
    "POST disputes/*": "evidence metadata submit",
    "POST invoices/*": (
        "account_tax_ids application_fee_amount auto_advance automatic_tax automatically_finalizes_at "
        "collection_method custom_fields days_until_due default_payment_method default_source "
        "default_tax_rates description discounts due_date effective_at footer issuer metadata number "
        "on_behalf_of payment_settings rendering shipping_cost shipping_details statement_descriptor "
        "transfer_data"
    ),
    "POST invoices/*/pay": "forgive mandate off_session paid_out_of_band payment_method source",
    "POST invoices/create_preview": (
        "automatic_tax currency customer customer_account customer_details discounts invoice_items issuer "
        "on_behalf_of preview_mode schedule schedule_details subscription subscription_details"
    ),
    "POST payment_intents/*": (
        "allowed_payment_method_types amount amount_details application_fee_amount capture_method currency "
        "customer customer_account description excluded_payment_method_types hooks metadata payment_details "
        "payment_method payment_method_configuration payment_method_data payment_method_options "
        "payment_method_types receipt_email setup_future_usage shipping statement_descriptor "
        "statement_descriptor_suffix transfer_data transfer_group"
    ),
    "POST payment_methods": "allow_redisplay billing_details card customer metadata paypal sepa_debit type",
    "POST payment_methods/*": "allow_redisplay billing_details card metadata payto us_bank_account",
    "POST payment_methods/*/attach": "customer customer_account",
    "POST prices": (
        "active billing_scheme currency currency_options custom_unit_amount lookup_key metadata nickname "
        "product product_data recurring tax_behavior tiers tiers_mode transfer_lookup_key transform_quantity "
        "unit_amount unit_amount_decimal"
    ),
    "POST prices/*": "active currency_options lookup_key metadata nickname tax_behavior transfer_lookup_key",
    "POST products": (
        "active default_price_data description id images marketing_features metadata name package_dimensions "
        "shippable statement_descriptor tax_code type unit_label url"
    ),
    "POST products/*": (
        "active default_price description images marketing_features metadata name package_dimensions "
        "shippable statement_descriptor tax_code unit_label url"
    ),
    "POST promotion_codes": (
        "active code customer customer_account expires_at max_redemptions metadata promotion restrictions"
    ),
    "POST promotion_codes/*": "active metadata restrictions",
    "POST refunds": (
        "amount charge currency customer instructions_email metadata origin payment_intent reason "
        "refund_application_fee reverse_transfer"
    ),
    "POST refunds/*": "metadata",
    "POST subscriptions": (
        "add_invoice_items application_fee_percent automatic_tax backdate_start_date billing_cycle_anchor "
        "billing_cycle_anchor_config billing_mode billing_schedules billing_thresholds cancel_at "
        "cancel_at_period_end collection_method currency customer customer_account days_until_due "
        "default_payment_method default_source default_tax_rates description discounts invoice_settings items "
        "metadata off_session on_behalf_of payment_behavior payment_settings pending_invoice_item_interval "
        "proration_behavior transfer_data trial_end trial_from_plan trial_period_days trial_settings"
    ),
    "POST subscriptions/*": (
        "add_invoice_items application_fee_percent automatic_tax billing_cycle_anchor billing_schedules "
        "billing_thresholds cancel_at cancel_at_period_end cancellation_details collection_method "
        "days_until_due default_payment_method default_source default_tax_rates description discounts "
        "invoice_settings items metadata off_session on_behalf_of pause_collection payment_behavior "
        "payment_settings pending_invoice_item_interval proration_behavior proration_date transfer_data "
        "trial_end trial_from_plan trial_settings"
    ),
    "POST subscriptions/*/resume": "billing_cycle_anchor proration_behavior proration_date",
    "POST subscription_schedules": "billing_mode customer end_behavior from_subscription metadata phases start_date",
    "POST subscription_schedules/*": "default_settings end_behavior metadata phases proration_behavior",
    "POST subscription_schedules/*/release": "preserve_cancel_date",
    "POST webhook_endpoints": "api_version connect description enabled_events metadata url",
    "POST webhook_endpoints/*": "description disabled enabled_events metadata url",
}
KNOWN: dict[str, frozenset[str]] = {
    request: frozenset(names.split()) | (PAGING if request.startswith("GET") else frozenset({"expand"}))
    for request, names in _NAMES.items()
}
