//! The words for streets, folded, each between spaces.

/// Words in front of a street's name.
pub(super) const BEFORE: &str = " rue avenue av ave boulevard bd boul chemin allee allees impasse quai place cours route square passage \
 faubourg ruelle sentier rond-point calle c avenida avda plaza pza paseo camino ronda carrer via glorieta callejon pasaje pasadizo cuesta \
 rambla carretera travesia urbanizacion ronda alameda acceso canada rambla cuesta via viale piazza piazzale corso vicolo largo contrada \
 strada borgo rotonda canale incrocio stretto salita rua r travessa praca alameda rodovia estrada ladeira quinta viela vila setor nucleo \
 vial trevo viaduto feira chacara quadra favela fazenda sitio recanto distrito passarela estacao campo colonia lagoa patio praia condominio conjunto loteamento parque jardim morro residencial vereda trecho ul ulica al aleja aleje os osiedle pl plac skwer rondo bulwar \
 улица ул проспект пр пр-кт переулок пер бульвар бул бул. шоссе ш набережная наб площадь пл аллея алл проезд тупик вулиця вул провулок пров \
 strada str bulevardul bd. calea aleea soseaua jalan jl jln duong duong pho odos οδος λεωφορος ulice nam namesti trida \
 calzada diagonal circuito retorno andador privada cerrada prolongacion periferico eje continuacion peatonal boulevar viaducto corredor ampliacion ";

/// Those behind a number: `12, rue …`.
pub(super) fn is_french(word: &str) -> bool {
    " rue avenue av ave boulevard bd boul chemin allee allees impasse quai place cours route square passage faubourg ruelle sentier "
        .contains(&format!(" {word} "))
}

/// Words behind a street's name in English (the suffixes of USPS Publication 28, and those of Britain).
pub(super) const AFTER: &str = " alley ally aly anex annex arcade arc avenue av ave aven bayou beach bend bnd bluff bluffs bottom boulevard \
 blvd boul branch bridge brg brook brooks burg burgs bypass byp camp canyon cape causeway center centre centers circle cir circ circles cliff \
 cliffs clf club common commons corner cor corners course court ct courts cts cove cv coves creek crk crescent cres crest crossing xing \
 crossroad curve dale dam divide drive dr drives estate est estates expressway expy extension ext extensions fall falls ferry field fld \
 fields flat flats ford fords forest forge forges fork forks fort freeway fwy garden gdn gardens gdns gateway glen gln glens green grn greens \
 grove grv groves harbor hbr harbors harbour haven heights hts highway hwy hill hl hills hollow inlet island islands isle junction jct junctions key \
 keys knoll knl knolls lake lk lakes land landing lane ln light lights loaf lock locks lodge loop mall manor mnr manors meadow mdw meadows \
 mews mill mills mission motorway mount mt mountain mountains neck orchard oval overpass park parks parkway pkwy parkways pass passage path \
 pike pine pines place pl plain plains plaza plz point pt points port ports prairie radial ramp ranch rapid rapids rest ridge rdg ridges river \
 road rd roads route row rue run shoal shoals shore shores skyway spring springs spur spurs square sq squares station sta stravenue stream \
 street st str streets summit terrace ter terr throughway trace track trafficway trail trl tunnel turnpike tpke underpass union unions valley \
 vly valleys via viaduct view vw views village villages ville vista vis walk walks wall way wy ways well wells yard close cl parade pde gate \
 quay rise hatch drove mead chase copse dene embankment end gap grange nook lea link broadway cloisters circus esplanade strand wharf \
 nagar marg chowk ";

/// Ends of words for streets, and such words alone: German, Dutch, Nordic, Finnish, Hungarian, Turkish.
pub(super) const ENDINGS: &str = "strasse straße str weg gasse allee platz ring ufer damm chaussee stieg steig pfad promenade graben wall markt \
 steige zeile anger straat laan plein gracht kade singel dreef pad dijk steeg boulevard baan hof gatan vagen grand torget gata gate gaten veien vei vegen \
 vej gade vaenge straede plads alle stigen backen platsen alleen gaarden parken bakken svingen ringen stien plassen haugen \
 katu tie polku kuja kaari raitti ranta rinne tori aukio vayla penger utca ut ter koz korut setany sokak sok sk cadde caddesi cad cd bulvari \
 bulvar blv mahallesi mah sokagi iela gatve tanav tee puiestee maantee ulica ulice cesta namesti trg trznica";

/// Words for a part of a house.
pub(super) const UNITS: &str = " apt apartment suite ste unit flat floor fl room rm bldg building box studio app appt appartement appartamento etage et bat batiment \
 esc escalera piso planta puerta pta bajo atico oficina int interior scala piano apto apartamento andar bloco casa sala conj lj fraccao edificio \
 whg wohnung stock og eg top stiege tur haus bus m lok lokal kv кв квартира к корп корпус стр строение оф офис под эт daire d kat no lgh tv th mf \
 puerto depto departamento despacho ";
